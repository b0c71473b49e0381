/** Owns the fake as a process of its own: one JSON line on stdout when it listens, an end on SIGTERM or SIGINT. */

import { parseArgs } from 'node:util'
import { startFakeOss } from './fake-oss.js'

const usage =
  'usage: main.ts [--port N] [--directory DIR] [--bytes-per-second N] [--latency-ms N] [--bucket NAME]...'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    directory: { type: 'string' },
    'bytes-per-second': { type: 'string' },
    'latency-ms': { type: 'string' },
    bucket: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  process.stdout.write(`${usage}\n`)
} else {
  const fake = await startFakeOss({
    port: Number(values.port),
    ...(values.directory === undefined ? {} : { directory: values.directory }),
    ...(values['bytes-per-second'] === undefined
      ? {}
      : { bytesPerSecondPerConnection: Number(values['bytes-per-second']) }),
    ...(values['latency-ms'] === undefined ? {} : { latencyMs: Number(values['latency-ms']) }),
    ...(values.bucket === undefined ? {} : { buckets: values.bucket }),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void fake.close()
    })
  }
  process.stdout.write(`${JSON.stringify({ endpoint: fake.endpoint })}\n`)
}
