// That every option of an upload has a check, which names it; options.test.ts goes through what each accepts.

import { describe, expect, it } from 'vitest'
import { optionChecks } from '../../src/upload/option-checks.js'

describe('optionChecks', () => {
  it.each(Object.entries(optionChecks))(
    'that of %s refuses what it cannot be, by its name',
    (name, check) => {
      // What no option can be, and what looks most like one: of each name at least one is refused.
      const errors = [Symbol.iterator, -1.5, 'a\0b'].flatMap((value) => {
        try {
          check(value)
          return []
        } catch (error) {
          return [error as Error]
        }
      })
      expect(errors.length).toBeGreaterThan(0)
      for (const error of errors) {
        expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
      }
      expect(errors.map(({ message }) => message).join()).toContain(name)
    },
  )
})
