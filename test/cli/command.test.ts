import { describe, expect, it } from 'vitest'
import { usageError } from '../../src/cli/args.js'
import { refuse } from '../../src/cli/command.js'
import { pretendIo } from './fixtures.js'

describe('refuse', () => {
  it('says one line on stderr', () => {
    const io = pretendIo({ argv: ['upload'] })
    expect(refuse(io, usageError('no file is given', 'see: help'))).toBe(2)
    expect(io.err).toBe('ossup: error: no file is given; see: help\n')
    expect(io.out).toBe('')
  })

  it('says it in JSON when --json is among the arguments', () => {
    const io = pretendIo({ argv: ['upload', '--json'] })
    refuse(io, usageError('no file is given', 'see: help'))
    expect(JSON.parse(io.err)).toMatchObject({ type: 'error', code: 'ERR_USAGE', exitCode: 2 })
  })

  it('shows no stack trace of an unexpected error', () => {
    const io = pretendIo()
    expect(refuse(io, new TypeError('x is not\na function'))).toBe(1)
    expect(io.err).toBe(
      'ossup: error: internal error: x is not\\na function; this is a bug in ossup: report it\n',
    )
  })
})
