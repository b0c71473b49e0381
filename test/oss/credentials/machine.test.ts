import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { readSmallFile, runProgram } from '../../../src/oss/credentials/machine.js'
import { temporaryFolder } from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

const node = (script: string, timeoutMs = 10_000) =>
  runProgram({ command: process.execPath, args: ['-e', script], timeoutMs })

describe('readSmallFile', () => {
  it('reads a file, an empty one and one without a size', async () => {
    await using folder = await temporaryFolder()
    expect((await readSmallFile(await folder.write('a', 'text'))).toString()).toBe('text')
    expect((await readSmallFile(await folder.write('b', ''))).length).toBe(0)
    if (process.platform === 'linux') {
      expect((await readSmallFile('/proc/self/cmdline')).length).toBeGreaterThan(0)
    }
  })

  it('names the path and the reason', async () => {
    await using folder = await temporaryFolder()
    const missing = `${folder.path}/none`
    expect((await rejection(readSmallFile(missing))).message).toBe(`there is no ${missing}`)
    expect((await rejection(readSmallFile(folder.path))).message).toBe(
      `cannot read ${folder.path} (EISDIR)`,
    )
    const large = await folder.write('large', 'x'.repeat(1024 * 1024 + 1))
    expect((await rejection(readSmallFile(large))).message).toBe(
      `${large} is larger than 1048576 bytes`,
    )
    expect(await readSmallFile(await folder.write('full', 'x'.repeat(1024 * 1024)))).toHaveLength(
      1024 * 1024,
    )
  })
})

describe('runProgram', () => {
  it('gives stdout; stdin is empty, and stderr may have any length', async () => {
    const script =
      'process.stderr.write("e".repeat(3e6)); process.stdin.on("data", () => process.exit(9)); ' +
      'process.stdin.on("end", () => process.stdout.write("out")); process.stdin.resume()'
    expect((await node(script)).toString()).toBe('out')
  })

  it('starts no shell', async () => {
    const args = ['-p', 'process.argv[1]', '$HOME; `id` "quoted"']
    const output = await runProgram({ command: process.execPath, args, timeoutMs: 10_000 })
    expect(output.toString()).toBe('$HOME; `id` "quoted"\n')
  })

  it.each([
    ['process.exit(3)', 'failed with exit code 3'],
    ['process.kill(process.pid, "SIGTERM")', 'was ended by SIGTERM'],
    ['throw new Error("sentinel")', 'failed with exit code 1'],
  ])('%s: %s', async (script, message) => {
    const error = await rejection(node(`console.error("sentinel"); ${script}`))
    expect(error).toMatchObject({
      code: 'ERR_OSS_CREDENTIALS',
      message: `the credentials program ${message}`,
    })
    expect(error).not.toHaveProperty('cause')
  })

  it('names the code when it cannot be run, not the command', async () => {
    const missing = { command: '/nowhere/sentinel', args: ['sentinel'], timeoutMs: 10_000 }
    expect((await rejection(runProgram(missing))).message).toBe(
      'the credentials program could not be run (ENOENT)',
    )
    const zero = { command: process.execPath, args: ['sentinel\0'], timeoutMs: 10_000 }
    expect((await rejection(runProgram(zero))).message).toBe(
      'the command line of the credentials program has a zero byte',
    )
  })

  it('kills what takes too long, also when a child of it keeps the pipe open', async () => {
    const script =
      'process.on("SIGTERM", () => {}); require("child_process").spawn(process.execPath, ' +
      '["-e", "setTimeout(() => {}, 3000)"], { stdio: "inherit" }); setInterval(() => {}, 1000)'
    const begun = performance.now()
    expect((await rejection(node(script, 300))).message).toBe(
      'the credentials program did not end within 0.3 s',
    )
    expect(performance.now() - begun).toBeLessThan(2_500)
  })

  it('kills it when a signal says so, and starts nothing afterwards', async () => {
    const controller = new AbortController()
    const args = ['-e', 'setInterval(() => {}, 1000)']
    const program = { command: process.execPath, args, timeoutMs: 10_000 }
    const begun = performance.now()
    const failed = rejection(runProgram({ ...program, signal: controller.signal }))
    const reason = new Error('stop')
    controller.abort(reason)
    expect(await failed).toBe(reason)
    expect(await rejection(runProgram({ ...program, signal: controller.signal }))).toBe(reason)
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('kills what says too much', async () => {
    const script = 'setInterval(() => process.stdout.write("x".repeat(1e6)), 1)'
    expect((await rejection(node(script))).message).toBe(
      'the credentials program wrote more than 1048576 bytes',
    )
  })
})
