// Owns `ossup sign explain`: from a description and a saved answer of OSS to the steps, the difference and the cause.

import { createReadStream } from 'node:fs'
import { environmentCredentials, resolveCredentials } from '../oss/credentials.js'
import { requestTarget, resolveEndpoint } from '../oss/endpoint.js'
import { explainSignature, formatExplanation } from '../oss/explain-signature.js'
import { answerOf } from '../oss/send.js'
import { OssError } from '../primitives/errors.js'
import type { SignatureExplanation } from '../primitives/signature-explanation.js'
import { decodeErrorBody, type ErrorDocument } from '../xml/error-xml.js'
import { type Command, refuse } from './command.js'
import { exitCodes } from './exit-codes.js'
import { type Io, oneLine } from './io.js'
import { parseSignArgs, type SignArgs, signHelp, signUsage } from './sign-args.js'
import { subjectOf } from './sign-subject.js'

export const signCommand: Command = { usage: signUsage, run: runSign }

/** An error document is a few KiB; the decoder takes 256. */
const maxInputBytes = 1024 * 1024

/** @param now the time of a request that says none */
export async function runSign(
  io: Io,
  argv: readonly string[],
  now: () => Date = () => new Date(),
): Promise<number> {
  const args = parseSignArgs(argv, io.env)
  try {
    const document = args.errorFile === undefined ? undefined : await readError(io, args.errorFile)
    const { taken, notes, explanation } = await explain(args, document, io, now())
    if (args.json) {
      io.stdout.write(`${JSON.stringify({ type: 'explanation', taken, notes, ...explanation })}\n`)
    } else {
      const said = taken.length === 0 ? [] : [`taken from the error file: ${taken.join('; ')}`]
      for (const text of [...said, ...notes]) io.stdout.write(`note: ${oneLine(text)}\n`)
      io.stdout.write(`${formatExplanation(explanation)}\n`)
    }
    return exitCodes.done
  } catch (error) {
    return refuse(io, error, signHelp, false)
  }
}

interface Explained {
  readonly taken: readonly string[]
  readonly notes: readonly string[]
  readonly explanation: SignatureExplanation
}

async function explain(
  args: SignArgs,
  document: ErrorDocument | undefined,
  io: Io,
  now: Date,
): Promise<Explained> {
  const answer = document === undefined ? {} : answerOf(document.fields)
  const subject = subjectOf(args, answer, now)
  const { request, time, expiresSeconds, region, taken } = subject
  const endpoint = resolveEndpoint({ region, endpoint: args.endpoint, pathStyle: args.pathStyle })
  const credentials = await resolveCredentials(environmentCredentials(io.env))
  const { origin } =
    request.bucket === undefined ? endpoint : requestTarget(endpoint, request.bucket, request.key)
  const { pathStyle } = endpoint
  const explanation = explainSignature(
    { ...request, origin, pathStyle },
    { region: endpoint.region, credentials, time, expiresSeconds },
    answer,
  )
  const notes = document === undefined ? [] : notesOn(document, credentials.accessKeyId)
  const { difference, likelyCause } = explanation
  const proves = subject.isDescribed || difference !== undefined || likelyCause === undefined
  return { taken, notes, explanation: proves ? explanation : { ...explanation, likelyCause: half } }
}

/** OSS's own account of a request agrees with itself. */
const half =
  'what was described agrees, so the AccessKey secret is wrong, or something that is taken from the error file was changed on its way to OSS: describe the request to have that compared.'

/** What the comparison cannot know. */
function notesOn({ code, fields }: ErrorDocument, accessKeyId: string): string[] {
  const notes: string[] = []
  if (code !== 'SignatureDoesNotMatch') {
    notes.push(`the error file is about ${code}, not SignatureDoesNotMatch`)
  }
  if ((fields['CanonicalRequest'] ?? fields['StringToSign']) === undefined) {
    notes.push('the error file has neither CanonicalRequest nor StringToSign to compare with')
  }
  const signer = fields['OSSAccessKeyId']
  if (signer !== undefined && signer !== accessKeyId) {
    notes.push('the error file is about another AccessKey ID than that of OSS_ACCESS_KEY_ID')
  }
  return notes
}

async function readError(io: Io, path: string): Promise<ErrorDocument> {
  const name = path === '-' ? 'stdin' : path
  const bytes = await readAll(io, path === '-' ? io.stdin() : createReadStream(path), name)
  // HEAD has no body: there the document is in a header, in base64.
  const document =
    (await decodeErrorBody(bytes)) ??
    (await decodeErrorBody(Buffer.from(bytes.toString('latin1'), 'base64')))
  if (document !== undefined) return document
  throw new OssError(`${name} has no error document of OSS`, {
    code: 'ERR_OSS_MALFORMED_RESPONSE',
    hint: 'save the body of the answer as it is: XML that begins with <Error>',
  })
}

async function readAll(io: Io, input: AsyncIterable<Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of input) {
      size += chunk.byteLength
      // The decoder refuses it; there is no need to have all of it.
      if (size > maxInputBytes) break
      chunks.push(chunk)
    }
  } catch (error) {
    if (io.signal.aborted) throw io.signal.reason
    throw new OssError(`cannot read ${name}: ${(error as Error).message}`, {
      code: 'ERR_OSS_SOURCE',
      hint: 'check the path and its permissions',
      cause: error,
    })
  }
  return Buffer.concat(chunks)
}
