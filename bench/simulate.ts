// Plans an upload over many machines without a network: npm run bench:simulate -- --help

import { readOptions, usage } from './simulate/scenario.js'
import { outcomeTables, planTable } from './simulate/tables.js'
import { simulate } from './simulate/upload.js'

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) {
    console.log(usage)
  } else {
    const { sizes, scenarios } = options
    const workers = [...new Set(scenarios.map((scenario) => scenario.workers))]
    console.log(planTable(sizes, workers))
    console.log()
    console.log(outcomeTables(scenarios.map((scenario) => [scenario, simulate(scenario)])))
  }
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}
