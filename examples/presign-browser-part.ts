// Parts that somebody sends who has no credentials, such as a browser: the server begins the upload, hands out one URL for
// each part, checks what OSS says that it got, and completes.
// usage: tsx examples/presign-browser-part.ts <file> <bucket> <key>; OSS_REGION and so on come from the environment

import { readFile } from 'node:fs/promises'
import {
  completeMultipartUpload,
  initiateMultipartUpload,
  type ListedPart,
  listParts,
  OssClient,
  presign,
} from 'ossup'

const [path = '', bucket = '', key = ''] = process.argv.slice(2)
/** At least 100 KiB; every part but the last has this size. */
const partSize = 1024 * 1024

/** What runs in the browser: it knows one URL, and nothing of keys. The bucket's CORS rules have to allow PUT. */
async function sendPart(url: string, bytes: Blob): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', body: bytes })
  if (!answer.ok) throw new Error(`the part was refused with ${answer.status}`)
}

await using client = new OssClient({
  region: process.env['OSS_REGION'],
  endpoint: process.env['OSS_ENDPOINT'],
})
const file = new Blob([await readFile(path)])
const object = { bucket, key }
const { uploadId } = await initiateMultipartUpload(client, object)

for (let partNumber = 1; (partNumber - 1) * partSize < file.size; partNumber += 1) {
  const { url } = await presign(client, {
    ...object,
    method: 'PUT',
    uploadId,
    partNumber,
    expiresSeconds: 900,
  })
  const begin = (partNumber - 1) * partSize
  await sendPart(url, file.slice(begin, begin + partSize))
  console.log(`part ${partNumber} was sent by somebody without credentials`)
}

// What counts is what OSS has, not what a browser says that it has sent.
const parts: ListedPart[] = []
for await (const part of listParts(client, { ...object, uploadId })) parts.push(part)
const listed = parts.reduce((sum, { size }) => sum + size, 0)
if (listed !== file.size) throw new Error(`OSS has ${listed} of ${file.size} bytes`)
const { crc64, etag } = await completeMultipartUpload(client, { ...object, uploadId, parts })
console.log(`stored: ${listed} bytes, crc64 ${crc64}, etag ${etag}`)
