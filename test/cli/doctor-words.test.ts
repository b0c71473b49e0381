import { describe, expect, it } from 'vitest'
import { findingLine, findingsOf } from '../../src/cli/doctor-words.js'
import { OssServiceError } from '../../src/primitives/errors.js'
import { type Diagnosis, type Probe, probeNames } from '../../src/upload/probe-bucket.js'

const diagnosis = (probe: Probe, offsetMs?: number): Diagnosis => ({
  probes: [probe],
  uploads: true,
  offsetMs,
  key: 'k',
})

const lineOf = (probe: Probe, offsetMs?: number) =>
  findingsOf(diagnosis(probe, offsetMs)).map(findingLine).join('\n')

const denied = new OssServiceError('HeadObject failed', {
  ...{ code: 'AccessDenied', status: 403, requestId: 'R', hint: 'grant it' },
})

describe('findingsOf', () => {
  it.each([
    [1_000, 'as that of OSS'],
    [-1_999, 'as that of OSS'],
    [5_000, '5s behind OSS; OSS accepts 15 minutes'],
    [-90_000, '1m 30s ahead of OSS; OSS accepts 15 minutes'],
    [20 * 60_000, '20m behind OSS: OSS refuses such requests; ossup corrects itself'],
  ])('says of a clock that is off by %i ms: %s', (offsetMs, words) => {
    expect(lineOf({ name: 'clock', result: 'works' }, offsetMs)).toContain(words)
  })

  it.each(probeNames)('knows what it costs to be without %s', (name) => {
    const [finding] = findingsOf(diagnosis({ name, result: 'denied', error: denied }))
    expect(finding).toMatchObject({ name, result: 'denied', code: 'AccessDenied', requestId: 'R' })
    expect(finding?.detail).toMatch(/nothing works|no upload works|not|billed/)
  })

  it('names what has to be granted', () => {
    expect(lineOf({ name: 'HeadObject', result: 'denied', error: denied })).toBe(
      'HeadObject            denied   a lost answer to Complete cannot be settled (ERR_OSS_AMBIGUOUS), and verify does not work; grant oss:GetObject to the RAM user or role',
    )
  })

  it('passes on what failed, with its hint', () => {
    const error = new OssServiceError('it failed', { code: 'X', status: 500, hint: 'do so' })
    expect(lineOf({ name: 'bucket', result: 'failed', error })).toMatch(
      /failed {3}it failed; do so$/,
    )
    const elsewhere = new OssServiceError('no', {
      ...{ code: 'AccessDenied', status: 403, fields: { Endpoint: 'oss-cn-x.aliyuncs.com' } },
    })
    expect(lineOf({ name: 'bucket', result: 'failed', error: elsewhere })).toContain(
      'the bucket is at oss-cn-x.aliyuncs.com',
    )
  })

  it('says unknown of what could not be tried', () => {
    expect(lineOf({ name: 'ListParts', result: 'unknown' })).toMatch(
      /unknown {2}could not be tried$/,
    )
    const clock = { name: 'clock', result: 'unknown' } as const
    expect(lineOf(clock)).toMatch(/could not be tried$/)
    const reached = { ...diagnosis(clock), probes: [clock, { name: 'bucket', result: 'works' }] }
    expect(findingsOf(reached as Diagnosis)[0]?.detail).toBe('OSS did not say what time it is')
    expect(lineOf({ name: 'ListParts', result: 'works' })).toBe('ListParts             works')
  })
})
