import { describe, expect, it } from 'vitest'
import { parseNetworkArgs } from '../../src/cli/network-args.js'

describe('parseNetworkArgs', () => {
  it('leaves to the library what is not given', () => {
    expect(Object.values(parseNetworkArgs({}))).toEqual(Array(5).fill(undefined))
  })

  it('takes attempts, and durations in milliseconds', () => {
    expect(
      parseNetworkArgs({
        ...{ attempts: '3', 'connect-timeout': '5', 'idle-timeout': '90s' },
        ...{ 'answer-timeout': '5m', deadline: '2h' },
      }),
    ).toEqual({
      ...{ retry: { attempts: 3 }, connectTimeout: 5_000, idleTimeout: 90_000 },
      ...{ answerTimeout: 300_000, deadline: 7_200_000 },
    })
  })

  it('leaves ranges to the library', () => {
    expect(parseNetworkArgs({ attempts: '0', deadline: '0' })).toMatchObject({
      ...{ retry: { attempts: 0 }, deadline: 0 },
    })
  })

  it.each([
    [{ attempts: 'many' }, '--attempts must be a whole number, not "many"'],
    [{ attempts: '-1' }, '--attempts must be a whole number, not "-1"'],
    [{ deadline: '2w' }, '--deadline "2w" is not a duration'],
    [{ 'idle-timeout': '1.5m' }, '--idle-timeout "1.5m" is not a duration'],
    [{ 'answer-timeout': '' }, '--answer-timeout "" is not a duration'],
    [{ 'connect-timeout': 'soon' }, '--connect-timeout "soon" is not a duration'],
  ])('refuses %j', (values, message) => {
    expect(() => parseNetworkArgs(values)).toThrow(message)
  })
})
