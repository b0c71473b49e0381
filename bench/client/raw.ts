// Bare sockets with chunks as Buffer gives them: its memory begins a few bytes behind the beginning of a page.

import { chunkBytes, sendBare } from './bare.js'

await sendBare(() => Buffer.allocUnsafeSlow(chunkBytes))
