// Uploads with @aws-sdk/lib-storage from a file stream, everything as it comes: it computes a CRC-32 of each part.

import { createReadStream } from 'node:fs'
import { credentials, load, readTask } from './task.js'

interface S3 {
  readonly S3Client: new (options: object) => { destroy(): void }
}
interface Storage {
  readonly Upload: new (options: object) => { done(): Promise<unknown> }
}

const task = readTask()
const { S3Client } = await load<S3>(task, '@aws-sdk/client-s3')
const { Upload } = await load<Storage>(task, '@aws-sdk/lib-storage')
const client = new S3Client({
  region: 'us-east-1',
  endpoint: task.endpoint,
  forcePathStyle: true,
  credentials: {
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.accessKeySecret,
  },
})
await new Upload({
  client,
  params: { Bucket: task.bucket, Key: task.key, Body: createReadStream(task.file) },
  partSize: task.partSize,
  queueSize: task.concurrency,
}).done()
client.destroy()
