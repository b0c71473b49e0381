import { describe, expect, it } from 'vitest'
import {
  assertCredentials,
  credentialsError,
  isHeaderText,
} from '../../../src/oss/credentials/provider.js'
import type { Credentials } from '../../../src/signing/credentials.js'

const good = { accessKeyId: 'id', accessKeySecret: 'secret' }

describe('assertCredentials', () => {
  it('accepts what a header can carry', () => {
    expect(() => assertCredentials({ ...good, securityToken: 't/+==' })).not.toThrow()
  })

  it.each([
    [undefined, 'credentials need accessKeyId and accessKeySecret, printable ASCII'],
    [{ ...good, accessKeySecret: '' }, 'credentials need'],
    [{ ...good, accessKeyId: 'a\r\nb' }, 'credentials need'],
    [{ ...good, accessKeyId: 'a/b' }, 'accessKeyId must not have a slash or comma'],
    [{ ...good, accessKeyId: 'a,b' }, 'accessKeyId must not have a slash or comma'],
    [{ ...good, securityToken: 'a b' }, 'the security token must be printable ASCII'],
  ])('refuses %j', (credentials, message) => {
    expect(() => assertCredentials(credentials as Credentials)).toThrow(message)
  })
})

describe('credentialsError', () => {
  it('has the code, the hint and no cause', () => {
    const error = credentialsError('no', 'do it')
    expect(error).toMatchObject({ code: 'ERR_OSS_CREDENTIALS', message: 'no', hint: 'do it' })
    expect(error).not.toHaveProperty('cause')
  })
})

describe('isHeaderText', () => {
  it('is visible ASCII without blanks', () => {
    expect(['a', '!~', '', 'a b', 'é', 1, undefined].map(isHeaderText)).toEqual([
      ...[true, true, false, false, false, false, false],
    ])
  })
})
