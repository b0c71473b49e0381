// Owns what is said when a checkpoint cannot be read or written.

import { isNodeError, OssError } from '../primitives/errors.js'

const ioHints: Readonly<Record<string, string>> = {
  ENOSPC:
    'free some space, or put the checkpoint on another disk with checkpointPath (--checkpoint)',
  EDQUOT: 'the quota is used up: put the checkpoint elsewhere with checkpointPath (--checkpoint)',
  EROFS:
    'the file system is read-only: put the checkpoint elsewhere with checkpointPath (--checkpoint), or go without (--no-checkpoint)',
  EACCES:
    'the directory is not writable: put the checkpoint elsewhere with checkpointPath (--checkpoint), or go without (--no-checkpoint)',
  ENOENT: 'create the directory of the checkpoint first',
  EPERM:
    'the file system may not know symbolic links, which the lock is: put the checkpoint on another one (checkpointPath, --checkpoint)',
}

export function checkpointIo(message: string, cause: unknown): OssError {
  const code = isNodeError(cause) ? (cause.code ?? '') : ''
  return new OssError(code === '' ? message : `${message} (${code})`, {
    code: 'ERR_OSS_CHECKPOINT_IO',
    hint: ioHints[code] ?? 'check the checkpoint path (checkpointPath, --checkpoint)',
    cause,
  })
}
