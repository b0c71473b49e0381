// Uploads with this project, as built: CRC-64 of every part and of the object compared, and the checkpoint on unless told otherwise.

import { credentials, load, readTask, region } from './task.js'

const task = readTask()
const { OssClient, uploadFile } = await load<typeof import('../../src/index.js')>(task, 'ossup')
const client = new OssClient({ region, endpoint: task.endpoint, pathStyle: true, credentials })
try {
  const { bucket, key, file: path, partSize, concurrency, checkpoint } = task
  await uploadFile(client, { path, bucket, key, partSize, concurrency, checkpoint })
} finally {
  await client.close()
}
