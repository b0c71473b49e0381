// A fake OSS to try the command against, without an account: prints the variables that lead there, and runs until Ctrl-C.

import { startFakeOss } from 'ossup/testing'

const fake = await startFakeOss({
  buckets: ['examplebucket'],
  // As slow as a network, so that there is time to interrupt an upload.
  bytesPerSecondPerConnection: 4 * 1024 * 1024,
})
console.log(`export OSS_ENDPOINT=${fake.endpoint} OSS_REGION=cn-hangzhou`)
console.log('export OSS_ACCESS_KEY_ID=test-access-key-id')
console.log('export OSS_ACCESS_KEY_SECRET=test-access-key-secret')

// Everything it holds is in memory and goes with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => fake.close())
