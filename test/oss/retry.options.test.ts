// What may be said of retries, and what they may cost an upload.

import { describe, expect, it } from 'vitest'
import {
  assertRetryOptions,
  defaultRetryPolicy,
  RetryBudget,
  retryPolicy,
} from '../../src/oss/retry.js'

describe('RetryBudget', () => {
  it('is taken by each, and given back up to what it was', () => {
    const budget = new RetryBudget(2)
    expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false])
    budget.give()
    expect([budget.take(), budget.take()]).toEqual([true, false])
    for (let n = 0; n < 9; n++) budget.give()
    expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false])
  })
})

describe('options', () => {
  it.each([
    ['attempts', 1, 100],
    ['baseDelay', 0, 60_000],
    ['maxDelay', 0, 600_000],
    ['budget', 1, 100_000],
    ['throttleTime', 0, 86_400_000],
  ])('%s is a whole number, %i to %i', (name, least, most) => {
    for (const value of [least, least + 1, most - 1, most, undefined]) {
      expect(() => assertRetryOptions({ [name]: value }), String(value)).not.toThrow()
    }
    for (const value of [least - 1, most + 1, 1.5, Number.NaN, Infinity, '5', null, 5n, true]) {
      expect(() => assertRetryOptions({ [name]: value }), String(value)).toThrow(
        new RangeError(
          `retry.${name} must be a whole number, ${least} to ${most}, not ${String(value)}`,
        ),
      )
    }
  })

  it('are an object with known members', () => {
    for (const value of [null, 5, 'x', [], undefined, true]) {
      expect(() => assertRetryOptions(value)).toThrow(/^retry must be an object/)
    }
    expect(() => assertRetryOptions({ retries: 5 })).toThrow(
      new TypeError('unknown option "retry.retries"'),
    )
    expect(() => assertRetryOptions({ constructor: 5 })).toThrow(TypeError)
  })

  it('that are not given, or undefined, are those of the base', () => {
    expect(retryPolicy(defaultRetryPolicy, undefined)).toEqual(defaultRetryPolicy)
    expect(retryPolicy(defaultRetryPolicy, { attempts: 2, budget: undefined })).toEqual({
      ...defaultRetryPolicy,
      attempts: 2,
    })
  })
})
