// Uploads with ali-oss: V4 signatures, everything else as it comes; it computes no CRC-64.

import { credentials, load, readTask, region } from './task.js'

interface Ali {
  readonly default: new (
    options: object,
  ) => {
    multipartUpload(key: string, file: string, options: object): Promise<unknown>
  }
}

const task = readTask()
const { default: Oss } = await load<Ali>(task, 'ali-oss')
const client = new Oss({
  ...credentials,
  region: `oss-${region}`,
  bucket: task.bucket,
  endpoint: task.endpoint,
  // Else the bucket becomes a part of the host's name.
  cname: true,
  secure: task.endpoint.startsWith('https:'),
  authorizationV4: true,
  // Its default of 60 s holds for a part as a whole: too short where a part is 1 GiB.
  timeout: 600_000,
})
await client.multipartUpload(task.key, task.file, {
  partSize: task.partSize,
  parallel: task.concurrency,
})
