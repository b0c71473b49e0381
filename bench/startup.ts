// Measures the start of the command and of the library, beside Node alone: npx tsx bench/startup.ts

import { measureStartup } from './harness/startup.js'
import { startupTable } from './harness/tables.js'
import { makeWorkspace } from './harness/workspace.js'

const workspace = await makeWorkspace()
console.log(startupTable(await measureStartup(workspace)))
