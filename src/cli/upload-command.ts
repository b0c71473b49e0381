// Owns `ossup upload`: from its options, by way of the library, to a result or a failure and its exit code.

import { access } from 'node:fs/promises'
import type { OssClient, OssClientOptions } from '../oss/client.js'
import { OssError } from '../primitives/errors.js'
import type { UploadFileOptions } from '../upload/options.js'
import type { UploadFileResult } from '../upload/result.js'
import type { Command } from './command.js'
import { describeFailure, exitCodes, type Failure, resumeHint } from './failure.js'
import { type Io, isInterruption } from './io.js'
import { createReport } from './report.js'
import { parseUploadArgs, type UploadArgs, uploadUsage } from './upload-args.js'

/** What of the library is used; loaded once the options have been read. */
export interface UploadLibrary {
  createClient(options: OssClientOptions): OssClient
  uploadFile(client: OssClient, options: UploadFileOptions): Promise<UploadFileResult>
}

async function loadLibrary(io: Io): Promise<UploadLibrary> {
  const [{ OssClient }, { environmentCredentials }, { uploadFile }] = await Promise.all([
    import('../oss/client.js'),
    import('../oss/credentials.js'),
    import('../upload/upload-file.js'),
  ])
  const credentials = environmentCredentials(io.env)
  return {
    createClient: (options) => new OssClient({ ...options, credentials }),
    uploadFile,
  }
}

export const uploadCommand: Command = { usage: uploadUsage, run: runUpload }

export async function runUpload(
  io: Io,
  argv: readonly string[],
  load: (io: Io) => Promise<UploadLibrary> = loadLibrary,
): Promise<number> {
  const args = parseUploadArgs(argv, io.env)
  const report = createReport(io, args)
  let client: OssClient | undefined
  let underway = false
  try {
    const library = await load(io)
    const { region, endpoint, pathStyle } = args
    client = library.createClient({ region, endpoint, pathStyle })
    const result = await library.uploadFile(client, {
      ...uploadOptions(args),
      signal: io.signal,
      onProgress(progress) {
        underway = true
        report.progress(progress)
      },
      onEvent(event) {
        underway = true
        report.event(event)
      },
    })
    report.result(args, result)
    return exitCodes.done
  } catch (error) {
    const failure = await withWhatIsKept(
      error,
      args,
      describeFailure(error, 'see: ossup upload --help', underway),
    )
    const abandoned = error instanceof OssError ? (error.upload?.abandonedUploadIds ?? []) : []
    report.failure(failure, abandoned)
    return failure.exitCode
  } finally {
    await client?.close()
  }
}

function uploadOptions(args: UploadArgs): UploadFileOptions {
  const { path, bucket, key, partSize, concurrency, checkpointPath, verify, onAbort } = args
  const { checkpoint, adopt, restart } = args
  return {
    ...{ path, bucket, key, partSize, concurrency, checkpoint, checkpointPath },
    ...{ verify, adopt, restart, onAbort },
  }
}

/** A cancelled upload rejects with the signal's reason, which knows nothing of the upload: the disk does. */
async function withWhatIsKept(
  error: unknown,
  { checkpoint, checkpointPath, path, onAbort }: UploadArgs,
  failure: Failure,
): Promise<Failure> {
  const location = checkpointPath ?? `${path}.ucp`
  if (!isInterruption(error) || !checkpoint || onAbort === 'discard') return failure
  if (!(await exists(location))) return failure
  return { ...failure, hint: resumeHint, resumable: true, checkpointPath: location }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
