// Owns `ossup abort`: one upload id, until OSS no longer has it.

import { setTimeout as delay } from 'node:timers/promises'
import { assertObjectKey, assertUploadId } from '../oss/endpoint.js'
import { OssError } from '../primitives/errors.js'
import { answerJson, answerLine, sayBeside } from './answer.js'
import { type OptionTable, parseObjectUrl, parseOptions, usageError } from './args.js'
import {
  assertName,
  clientEnvironment,
  clientOptions,
  clientUsage,
  parseBucketUrl,
  parseClientArgs,
  withClient,
} from './client-args.js'
import type { Command } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'

export const abortUsage: string = `usage: ossup abort oss://<bucket>/<key> --upload-id <id> --region <region> [options]

Aborts an unfinished upload: its parts are deleted, and no longer billed. A part that is being received at that moment
survives, so OSS is asked whether the upload is gone, and it is aborted again until it is. An object of that name that
is stored already is not touched. The key is taken literally, without percent-decoding.

Needs oss:AbortMultipartUpload, and oss:ListParts to see that the upload is gone.

options:
  --upload-id <id>      of the upload, as ossup list and ossup status show it
${clientUsage}
  --json                one JSON line; a failure is one JSON line on stderr
  -h, --help            show this text

${clientEnvironment}

exit status:
  0    the upload is gone
  1    failed, or OSS has no such upload
  2    wrong usage
  130  cancelled by SIGINT (Ctrl-C); 143 by SIGTERM

example:
  ossup abort oss://examplebucket/backup/disk.img --upload-id 0004B9894A22E5B1888A1E29F8236E2D --region cn-hangzhou
`

const options = {
  ...clientOptions,
  'upload-id': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const abortOptions: OptionTable = options

const help = 'see: ossup abort --help'

export const abortCommand: Command = { usage: abortUsage, run: runAbort }

const attempts = 6
/** Before the second attempt; doubled before each further one, 31 s in all. */
const firstPauseMs = 1_000

/** @param sleep waits for a part that is being received */
export async function runAbort(
  io: Io,
  argv: readonly string[],
  sleep: (ms: number) => Promise<void> = (ms) => delay(ms, undefined, { signal: io.signal }),
): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const [url, extra] = positionals
  if (url === undefined) throw usageError('no object is given', help)
  if (extra !== undefined) throw usageError('more than one object is given', help)
  const { bucket, key } = parseObjectUrl(url)
  parseBucketUrl(url, help)
  const uploadId = values['upload-id']
  if (uploadId === undefined) throw usageError('no --upload-id is given', 'see: ossup list --help')
  assertName(() => {
    assertObjectKey(key)
    assertUploadId(uploadId)
  }, help)
  const args = parseClientArgs(values, io.env)
  const { json } = values
  return await withClient(io, args, help, async (client) => {
    const { abortUntilGone } = await import('../upload/abort-until-gone.js')
    const target = { bucket, key, uploadId, requestPayer: args.requestPayer, signal: io.signal }
    const outcome = await abortUntilGone(client, target, attempts, async (attempt) => {
      if (attempt === 2) {
        sayBeside(io, json, 'note', 'a part was being received and is left: aborting again')
      }
      await sleep(firstPauseMs * 2 ** (attempt - 2)).catch(() => {})
      io.signal.throwIfAborted()
    })
    if (outcome === 'absent') {
      throw new OssError(`OSS has no upload ${uploadId} of oss://${bucket}/${key}`, {
        code: 'NoSuchUpload',
        hint: 'it was completed or aborted before, or the key or the id is another one: see ossup list',
      })
    }
    if (outcome === 'survives') {
      throw new OssError(`upload ${uploadId} was aborted ${attempts} times and is still there`, {
        code: 'ERR_OSS_AMBIGUOUS',
        hint: 'something goes on sending parts to it: stop that, and run again',
      })
    }
    if (outcome === 'unconfirmed') {
      const why = 'ListParts is denied: it cannot be seen whether the upload is gone'
      sayBeside(io, json, 'note', `${why}; grant oss:ListParts to see it`)
    }
    if (json) {
      answerJson(io, 'result', {
        outcome: 'aborted',
        confirmed: outcome === 'gone',
        bucket,
        key,
        uploadId,
      })
    } else answerLine(io, `aborted upload ${uploadId} of oss://${bucket}/${key}`)
    return exitCodes.done
  })
}
