import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { send, xmlText } from './raw-client.js'

for (const args of [[], ['--directory', '/tmp/fo-dir']]) {
  const c = spawn('npx', ['tsx', 'test/support/fake-oss/main.ts', ...args])
  const [l] = await once(c.stdout, 'data')
  const { endpoint } = JSON.parse(String(l))
  const id = xmlText(
    (await send(endpoint, { method: 'POST', target: '/examplebucket/k?uploads' })).text,
    'UploadId',
  )
  const part = Buffer.alloc(8 << 20, 1)
  for (let round = 0; round < 3; round++) {
    let n = 0
    const t = performance.now()
    await Promise.all(
      [0, 1, 2, 3].map(async () => {
        while (n < 32) {
          const k = ++n
          await send(endpoint, {
            method: 'PUT',
            target: `/examplebucket/k?partNumber=${k}&uploadId=${id}`,
            body: part,
          })
        }
      }),
    )
    const ms = performance.now() - t
    console.log(args, Math.round(ms), 'ms', Math.round((268.4 / ms) * 1000), 'MB/s')
  }
  c.kill('SIGTERM')
  await once(c, 'exit')
}
