// Owns `ossup verify`: a local file against the object that OSS has, or against a manifest, or both.

import { readFile } from 'node:fs/promises'
import { assertObjectKey } from '../oss/endpoint.js'
import { OssError, OssServiceError } from '../primitives/errors.js'
import type { SourceDigest } from '../upload/digest-source.js'
import type { Manifest } from '../upload/manifest.js'
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
import { type Command, refuse } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { judge, type Knowledge, type Stored, verdictText } from './verdict.js'

export const verifyUsage: string = `usage: ossup verify <file> oss://<bucket>/<key> --region <region> [--manifest <m>] [options]
       ossup verify <file> --manifest <m>

Compares a file with the object that OSS has: size and CRC-64 over all bytes, read here and told by OSS (HeadObject),
so that nothing is downloaded. With --manifest also, or without the object only, with what was stored according to the
manifest of the upload; parts that differ are named. The first word of the answer is equal, different, missing or
unknown.

Needs oss:GetObject for the object.

options:
  --manifest <m>        a file that ossup upload --manifest has written
${clientUsage}
  --json                one JSON line; a failure is one JSON line on stderr
  -h, --help            show this text

${clientEnvironment}

exit status:
  0    equal
  1    different, missing or unknown, or something cannot be read
  2    wrong usage
  130  cancelled by SIGINT (Ctrl-C); 143 by SIGTERM

example:
  ossup verify ./disk.img oss://examplebucket/backup/disk.img --region cn-hangzhou
  ossup verify ./disk.img --manifest disk.json
`

const options = {
  ...clientOptions,
  manifest: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** For `parseArgs`. */
export const verifyOptions: OptionTable = options

const help = 'see: ossup verify --help'

export const verifyCommand: Command = { usage: verifyUsage, run: runVerify }

export async function runVerify(io: Io, argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options, help)
  const [path, url, extra] = positionals
  if (path === undefined || path === '') throw usageError('no file is given', help)
  if (path === '-') throw usageError('stdin cannot be verified', 'give the path of a file')
  if (extra !== undefined) throw usageError('more than a file and an object are given', help)
  const { manifest, json } = values
  if (url === undefined) {
    if (manifest === undefined) {
      throw usageError(
        'no object is given to compare with',
        'give oss://<bucket>/<key> or --manifest',
      )
    }
    try {
      return await compare(io, json, { path, manifest: await readManifest(manifest) })
    } catch (error) {
      return refuse(io, error, help)
    }
  }
  const { bucket, key } = parseObjectUrl(url)
  parseBucketUrl(url, help)
  assertName(() => assertObjectKey(key), help)
  const args = parseClientArgs(values, io.env)
  return await withClient(io, args, help, async (client) => {
    const proof = manifest === undefined ? undefined : await readManifest(manifest)
    if (proof !== undefined && (proof.bucket !== bucket || proof.key !== key)) {
      const other = `oss://${proof.bucket}/${proof.key}`
      sayBeside(io, json, 'note', `the manifest is of ${other}, not of ${url}`)
    }
    const { headObject } = await import('../oss/object.js')
    const { requestPayer } = args
    const head = (): Promise<Stored> =>
      headObject(client, { bucket, key, requestPayer, signal: io.signal }).catch(
        (error: unknown) => {
          // A bucket that is not there is a mistake, not an answer.
          const isThere = !(error instanceof OssServiceError && error.status === 404)
          if (isThere || (error as OssServiceError).code === 'NoSuchBucket') throw error
          return 'missing'
        },
      )
    return await compare(io, json, { path, object: { name: url, head }, manifest: proof })
  })
}

interface Subject {
  readonly path: string
  readonly object?: { readonly name: string; head(): Promise<Stored> }
  readonly manifest?: Manifest | undefined
}

async function compare(io: Io, json: boolean, subject: Subject): Promise<number> {
  const [{ openSource }, { digestSource }, { systemEnvironment }] = await Promise.all([
    import('../upload/source.js'),
    import('../upload/digest-source.js'),
    import('../upload/environment.js'),
  ])
  const { path, object, manifest } = subject
  const source = await openSource(path, systemEnvironment.fs)
  try {
    const stored = await object?.head()
    const { size } = source
    const others = [stored, manifest].filter((other) => typeof other === 'object')
    // Where the sizes tell already, gigabytes need not be read.
    const isHopeless = stored === 'missing' || others.some((other) => other.size !== size)
    const ranges = manifest?.size === size ? manifest.parts.map((part) => part.size) : []
    let digest: SourceDigest | undefined
    if (!isHopeless) digest = await digestSource(source, ranges, io.signal)
    const knowledge: Knowledge = {
      local: { path, size, ...(digest !== undefined && { crc64: digest.crc64 }) },
      ...(object !== undefined &&
        stored !== undefined && { object: { name: object.name, stored } }),
      ...(manifest !== undefined && { manifest }),
      differingParts: differingParts(digest, ranges, manifest),
    }
    const verdict = judge(knowledge)
    if (json) {
      const shown = typeof stored === 'object' ? factsOf(stored) : null
      const local = { path, size, crc64: digest?.crc64 ?? null }
      answerJson(io, 'result', { ...verdict, local, object: shown })
    } else answerLine(io, verdictText(verdict, knowledge))
    return verdict.verdict === 'equal' ? exitCodes.done : exitCodes.failed
  } finally {
    await source.close()
  }
}

function factsOf({
  size,
  crc64,
  etag,
  versionId,
  lastModified,
}: Exclude<Stored, 'missing'>): object {
  return { size, crc64: crc64 ?? null, etag, versionId, lastModified }
}

function differingParts(
  digest: SourceDigest | undefined,
  ranges: readonly number[],
  manifest: Manifest | undefined,
): readonly number[] {
  if (digest === undefined || manifest === undefined || ranges.length === 0) return []
  return manifest.parts
    .filter(({ crc64 }, index) => digest.ranges[index] !== crc64)
    .map(({ number }) => number)
}

/** 10,000 parts take less than 2 MB. */
const maxManifestBytes = 16 * 1024 * 1024

async function readManifest(path: string): Promise<Manifest> {
  const { parseManifest } = await import('../upload/manifest.js')
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw unusable(`cannot read the manifest ${path}: ${(error as Error).message}`, error)
  }
  if (bytes.byteLength > maxManifestBytes) throw unusable(`${path} is too large for a manifest`)
  const parsed = parseManifest(bytes.toString('utf8'))
  switch (parsed.state) {
    case 'valid':
      return parsed.manifest
    case 'newer':
      throw unusable(`${path} has format version ${parsed.version}, and this ossup knows 1`)
    case 'invalid':
      throw unusable(`${path} proves nothing: ${parsed.reason}`)
  }
}

function unusable(message: string, cause?: unknown): OssError {
  const hint = 'give a file that ossup upload --manifest has written'
  return new OssError(message, { code: 'ERR_MANIFEST', hint, cause })
}
