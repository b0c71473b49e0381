// Owns `ossup presign`: from its options to one URL on stdout. Nothing is sent, and no HTTP client is loaded.

import { environmentCredentials, resolveCredentials } from '../oss/credentials.js'
import { resolveEndpoint } from '../oss/endpoint.js'
import { type PresignedRequest, presign } from '../oss/presign.js'
import { type Command, refuse } from './command.js'
import { exitCodes } from './exit-codes.js'
import type { Io } from './io.js'
import { type PresignArgs, parsePresignArgs, presignHelp, presignUsage } from './presign-args.js'

export const presignCommand: Command = { usage: presignUsage, run: runPresign }

/** @param now the clock that signs */
export async function runPresign(
  io: Io,
  argv: readonly string[],
  now: () => Date = () => new Date(),
): Promise<number> {
  const args = parsePresignArgs(argv, io.env)
  try {
    const presigned = await presignFor(args, io, now)
    io.stdout.write(args.json ? json(presigned) : `${presigned.url}\n`)
    return exitCodes.done
  } catch (error) {
    return refuse(io, error, presignHelp, false)
  }
}

function presignFor(args: PresignArgs, io: Io, now: () => Date): Promise<PresignedRequest> {
  const { region, endpoint: host, pathStyle, cname } = args
  const endpoint = resolveEndpoint({ region, endpoint: host, pathStyle, cname })
  const signingContext = async () => ({
    region: endpoint.region,
    credentials: await resolveCredentials(environmentCredentials(io.env)),
    time: now(),
  })
  const { method, bucket, key, expiresSeconds, partNumber, uploadId } = args
  const { headers, additionalHeaders } = args
  return presign(
    { endpoint, signingContext },
    {
      ...{ method, bucket, key, expiresSeconds, partNumber, uploadId },
      ...{ headers, additionalHeaders },
    },
  )
}

function json({ url, method, headers, expiresAt }: PresignedRequest): string {
  return `${JSON.stringify({ type: 'presigned', url, method, headers, expiresAt })}\n`
}
