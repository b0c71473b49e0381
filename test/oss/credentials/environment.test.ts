import { describe, expect, it } from 'vitest'
import {
  environmentCredentials,
  hasEnvironmentCredentials,
  isSwitchedOn,
  variable,
  variablesOf,
} from '../../../src/oss/credentials/environment.js'

const oss = { OSS_ACCESS_KEY_ID: 'id', OSS_ACCESS_KEY_SECRET: 'secret' }
const sdk = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: 'sdk-id',
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'sdk-secret',
}

describe('environmentCredentials', () => {
  it('reads the names of the OSS SDKs, else those of all SDKs', () => {
    const pair = { accessKeyId: 'sdk-id', accessKeySecret: 'sdk-secret' }
    expect(environmentCredentials(sdk)()).toEqual(pair)
    expect(environmentCredentials({ ...sdk, ...oss })()).toEqual({
      accessKeyId: 'id',
      accessKeySecret: 'secret',
    })
    expect(environmentCredentials({ ...sdk, ALIBABA_CLOUD_SECURITY_TOKEN: 't' })()).toEqual({
      ...pair,
      securityToken: 't',
    })
  })

  it.each([[{ ...oss, ALIBABA_CLOUD_SECURITY_TOKEN: 't' }], [{ ...sdk, OSS_SESSION_TOKEN: 't' }]])(
    'takes no token of the other family from %j',
    (variables) => {
      expect(environmentCredentials(variables)()).not.toHaveProperty('securityToken')
    },
  )

  it.each([
    [{}, 'OSS_ACCESS_KEY_ID'],
    [{ ...sdk, OSS_ACCESS_KEY_ID: 'id' }, 'OSS_ACCESS_KEY_SECRET'],
    [{ ...sdk, OSS_ACCESS_KEY_SECRET: 'secret' }, 'OSS_ACCESS_KEY_ID'],
    [{ ALIBABA_CLOUD_ACCESS_KEY_ID: 'id' }, 'ALIBABA_CLOUD_ACCESS_KEY_SECRET'],
    [{ ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'secret' }, 'ALIBABA_CLOUD_ACCESS_KEY_ID'],
  ])('names what is missing of a pair: %j', (variables, name) => {
    expect(environmentCredentials(variables)).toThrow(`no credentials: ${name} is not set`)
  })
})

describe('hasEnvironmentCredentials', () => {
  it('is true for half a pair, and not for blanks or a token alone', () => {
    expect(hasEnvironmentCredentials({ OSS_ACCESS_KEY_ID: 'id' })).toBe(true)
    expect(hasEnvironmentCredentials({ ALIBABA_CLOUD_ACCESS_KEY_SECRET: 's' })).toBe(true)
    expect(hasEnvironmentCredentials({ OSS_ACCESS_KEY_ID: ' ', OSS_SESSION_TOKEN: 't' })).toBe(
      false,
    )
  })
})

describe('variables', () => {
  it('are those of the process where none are given', () => {
    expect(variablesOf()).toBe(process.env)
    expect(variablesOf(oss)).toBe(oss)
  })

  it('are trimmed, and absent when empty', () => {
    expect(variable({ A: ' a\n' }, 'A')).toBe('a')
    expect(variable({ A: ' ' }, 'A')).toBeUndefined()
  })

  it.each([
    ['true', true],
    ['TRUE', true],
    ['1', false],
    ['', false],
  ])('%j switches: %s', (text, on) => {
    expect(isSwitchedOn({ A: text }, 'A')).toBe(on)
  })
})
