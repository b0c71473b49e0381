import { describe, expect, it } from 'vitest'
import { processCredentials, splitCommandLine } from '../../../src/oss/credentials/process.js'
import { expected, issued, issuedAt, temporaryFolder } from '../../support/credentials-services.js'
import { rejection } from '../../support/oss-clients.js'

const printing = (text: string) =>
  processCredentials({
    command: process.execPath,
    args: ['-e', `process.stdout.write(${JSON.stringify(text)})`],
    now: () => issuedAt,
  })

const profile = {
  mode: 'StsToken',
  access_key_id: issued.AccessKeyId,
  access_key_secret: issued.AccessKeySecret,
  sts_token: issued.SecurityToken,
  expiration: issued.Expiration,
}

describe('processCredentials', () => {
  it.each([
    ['of the Alibaba Cloud CLI', profile],
    ['of the services', issued],
  ])('takes the names %s', async (_, object) => {
    expect(await printing(`${JSON.stringify(object)}\n`)()).toEqual(expected)
  })

  it('takes an AccessKey pair', async () => {
    const pair = { mode: 'AK', access_key_id: 'id', access_key_secret: 'secret', sts_token: '' }
    expect(await printing(JSON.stringify(pair))()).toEqual({
      accessKeyId: 'id',
      accessKeySecret: 'secret',
    })
  })

  it('runs the program once for as long as its credentials are good', async () => {
    await using folder = await temporaryFolder()
    const log = await folder.write('log', '')
    const script = `require('fs').appendFileSync(process.argv[1], '.'); console.log(process.argv[2])`
    const provider = processCredentials({
      command: process.execPath,
      args: ['-e', script, log, JSON.stringify(profile)],
      now: () => issuedAt,
    })
    await Promise.all([provider(), provider()])
    await provider()
    await provider.refresh({ force: true })
    const { readFile } = await import('node:fs/promises')
    expect(await readFile(log, 'utf8')).toBe('..')
  })

  it.each([
    ['sentinel', 'the credentials program did not give JSON'],
    ['{"access_key_id":"sentinel"}', 'the credentials program gave no usable access_key_secret'],
    [JSON.stringify({ ...profile, sts_token: '' }), 'gave no usable sts_token'],
    [JSON.stringify({ ...profile, expiration: 'x' }), 'gave no expiration in ISO 8601'],
  ])('refuses %j', async (text, message) => {
    const error = await rejection(printing(text)())
    expect(error).toMatchObject({ code: 'ERR_OSS_CREDENTIALS' })
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('sentinel')
  })

  it('kills a program that takes too long', async () => {
    const args = ['-e', 'setInterval(() => {}, 1000)']
    const provider = processCredentials({ command: process.execPath, args, timeout: 100 })
    expect((await rejection(provider())).message).toContain('did not end within 0.1 s')
  })

  it.each([0, 600_001, 1.5])('refuses a time limit of %s', (timeout) => {
    expect(() => processCredentials({ command: 'x', timeout })).toThrow(RangeError)
  })

  it('refuses an empty command', () => {
    expect(() => processCredentials({ command: '' })).toThrow(TypeError)
  })
})

describe('splitCommandLine', () => {
  it.each([
    ['a', ['a']],
    ['  a  b\tc\n', ['a', 'b', 'c']],
    ['"/opt/my tools/x" --team \'a b\'', ['/opt/my tools/x', '--team', 'a b']],
    ['a"b c"d', ['ab cd']],
    ["a'b\"c'", ['ab"c']],
    ['a ""  \'\'', ['a', '', '']],
    ['a\\ b \\"c', ['a b', '"c']],
    ['a "b\\"c\\\\d\\e"', ['a', 'b"c\\d\\e']],
    ["a 'b\\c'", ['a', 'b\\c']],
    ['a $HOME;b|c `d` *', ['a', '$HOME;b|c', '`d`', '*']],
  ])('%j', (line, words) => {
    expect(splitCommandLine(line)).toEqual(words)
  })

  it.each(['', ' ', '"a', "a 'b", 'a "b\\"', 'a \\', '"" a'])('refuses %j', (line) => {
    expect(splitCommandLine(line)).toBeUndefined()
  })

  it('takes no longer for a hostile line', () => {
    const begun = performance.now()
    expect(splitCommandLine(`${'a\\b'.repeat(20_000)}"${'c'.repeat(20_000)}`) === undefined).toBe(
      true,
    )
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})
