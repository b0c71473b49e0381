// Measures peak memory for small and large files and parts: npx tsx bench/memory.ts [size of the larger file in GiB, default 16]

import { measureMemory } from './harness/memory.js'
import { startSink } from './harness/sink-process.js'
import { memoryTable } from './harness/tables.js'
import { makeWorkspace } from './harness/workspace.js'

const gib = 1024 ** 3
const workspace = await makeWorkspace()
await using sink = await startSink(workspace)
console.log(
  memoryTable(await measureMemory({ workspace, sink }, Number(process.argv[2] ?? 16) * gib)),
)
