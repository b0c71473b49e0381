// Collects the upload ids that the checkpoints of a directory record, so that nobody takes those uploads for abandoned.

import { join } from 'node:path'
import { OssError } from '../primitives/errors.js'
import type { UploadEnvironment } from './environment.js'
import { inspectCheckpoint } from './inspect-checkpoint.js'

/**
 * @param names of the directory's files; those that end in `.ucp` are read
 * @throws {OssError} `ERR_OSS_CHECKPOINT_IO` when one of them cannot be read: which upload it is of is then not known.
 */
export async function checkpointIds(
  directory: string,
  names: readonly string[],
  environment: UploadEnvironment,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  for (const name of names.filter((each) => each.endsWith('.ucp'))) {
    const path = join(directory, name)
    try {
      const { content } = await inspectCheckpoint(path, environment)
      ids.add(content.header.uploadId)
    } catch (error) {
      // Its upload was complete between the two looks.
      if (!(await environment.fs.lstat(path).catch(() => undefined))) continue
      throw new OssError(`cannot tell which upload ${path} is of: ${(error as Error).message}`, {
        code: 'ERR_OSS_CHECKPOINT_IO',
        hint: 'move it elsewhere once you know; nothing was aborted',
        cause: error,
      })
    }
  }
  return ids
}
