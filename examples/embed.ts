// An upload inside a program: with progress, cancelled half-way, resumed, and what came of it.
// usage: tsx examples/embed.ts <file> <bucket> <key>; OSS_REGION, OSS_ENDPOINT and the credentials come from the environment

import { OssClient, OssError, OssServiceError, uploadFile } from 'ossup'

const [path = '', bucket = '', key = ''] = process.argv.slice(2)

await using client = new OssClient({
  region: process.env['OSS_REGION'],
  endpoint: process.env['OSS_ENDPOINT'],
})

/** A user who presses "pause" once half of the file is there. */
const pause = new AbortController()
const reason = new Error('paused')

try {
  await uploadFile(client, {
    ...{ path, bucket, key, signal: pause.signal },
    onProgress({ phase, transferredBytes, totalBytes = 0, partsDone, parts }) {
      console.log(
        `${phase}: ${transferredBytes} of ${totalBytes} bytes, ${partsDone}/${parts} parts`,
      )
      if (phase === 'sending' && transferredBytes >= totalBytes / 2) pause.abort(reason)
    },
  })
} catch (error) {
  // A cancelled upload rejects with the reason of its signal, and keeps what it has sent.
  if (error !== reason) throw error
  console.log('paused: nothing of the upload runs any more')
}

try {
  // The same call again: the checkpoint beside the file knows what is left.
  const result = await uploadFile(client, { path, bucket, key, manifest: true })
  console.log(`resumed: ${result.resumed.parts} parts kept, ${result.sent.parts} sent`)
  console.log(`${result.outcome}: ${result.size} bytes, crc64 ${result.crc64}`)
  for (const part of result.manifest?.parts ?? []) console.log(part.number, part.crc64)
} catch (error) {
  if (error instanceof OssServiceError) {
    // What OSS's support asks for.
    console.error(`OSS refused: ${error.code}, request id ${error.requestId}`)
  } else if (error instanceof OssError) {
    console.error(`${error.code}: ${error.message}`)
  }
  throw error
}
