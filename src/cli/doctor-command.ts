// Owns `ossup doctor`: tries in a bucket what an upload would do, and says what works and what each missing permission costs.

import { assertObjectKey } from '../oss/endpoint.js'
import { answerJson, answerLine, sayBeside } from './answer.js'
import { type OptionTable, parseOptions, usageError } from './args.js'
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
import { findingLine, findingsOf } from './doctor-words.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'

export const doctorUsage: string = `usage: ossup doctor oss://<bucket>[/<prefix>] --region <region> [options]

Tries what an upload would do, and prints for each permission whether it works, is denied, or could not be tried, and
what it costs to be without it. An upload of 13 bytes to <prefix>.ossup-doctor-<random> is begun, listed and aborted; no
object is stored, and nothing is left. Where aborting is denied, the id of what is left is printed.

options:
${clientUsage}
  --json                one JSON line; a failure is one JSON line on stderr
  -h, --help            show this text

${clientEnvironment}

exit status:
  0    uploads would work, also where other permissions are missing
  1    uploads would not work
  2    wrong usage
  130  cancelled by SIGINT (Ctrl-C); 143 by SIGTERM

example:
  ossup doctor oss://examplebucket/backup/ --region cn-hangzhou
`

const options = {
  ...clientOptions,
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const doctorOptions: OptionTable = options

const help = 'see: ossup doctor --help'

export const doctorCommand: Command = { usage: doctorUsage, run: runDoctor }

/** Somebody waits for the answer: what fails three times is said to fail. */
const retry = { attempts: 3 } as const

/** @param now this machine's clock, which is compared with OSS's */
export async function runDoctor(
  io: Io,
  argv: readonly string[],
  now: () => Date = () => new Date(),
): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const { bucket, prefix } = parseBucketUrl(positionals[0], help)
  if (positionals.length > 1) throw usageError('more than one bucket is given', help)
  // The name that is tried is this with 50 characters more.
  if (prefix !== '') assertName(() => assertObjectKey(`${prefix}${'-'.repeat(50)}`), help)
  const args = parseClientArgs(values, io.env)
  const { json } = values
  const use: Parameters<typeof withClient>[3] = async (client) => {
    const { probeBucket } = await import('../upload/probe-bucket.js')
    const { requestPayer } = args
    const options = { bucket, prefix, requestPayer, signal: io.signal, now }
    const diagnosis = await probeBucket(client, options)
    const { uploads, offsetMs = null, key, leftUploadId } = diagnosis
    const findings = findingsOf(diagnosis)
    const { region, origin } = client.endpoint
    if (json) {
      const place = { bucket, prefix, region, endpoint: origin }
      const left = leftUploadId === undefined ? null : { key, uploadId: leftUploadId }
      answerJson(io, 'result', { uploads, ...place, offsetMs, checks: findings, left })
    } else {
      answerLine(io, `oss://${bucket}/${prefix} at ${origin}, region ${region}`)
      for (const finding of findings) answerLine(io, findingLine(finding))
      answerLine(io, uploads ? 'uploads would work' : 'uploads would not work')
      if (leftUploadId !== undefined) {
        const left = `oss://${bucket}/${key} --upload-id ${leftUploadId}`
        const text = `an upload of 13 bytes could not be aborted and is billed until it is`
        sayBeside(io, json, 'warning', `${text}: ossup abort ${left}`)
      }
    }
    return uploads ? exitCodes.done : exitCodes.failed
  }
  return await withClient(io, args, help, use, { retry })
}
