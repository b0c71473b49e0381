import { describe, expect, it } from 'vitest'
import { isInterruption, oneLine, wordLine } from '../../src/cli/io.js'

describe('oneLine', () => {
  it.each([
    ['plain text, résumé 上传', 'plain text, résumé 上传'],
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['\x1b[31mred\x07\x7f\x9b', '\\u001b[31mred\\u0007\\u007f\\u009b'],
    ['line\u2028separator\u2029', 'line\\u2028separator\\u2029'],
    ['gpj.\u202eexe', 'gpj.\\u202eexe'],
  ])('%j becomes %j', (text, line) => {
    expect(oneLine(text)).toBe(line)
  })
})

describe('wordLine', () => {
  it('is one line, whatever the text holds', () => {
    expect(wordLine('error', 'cannot read a\nossup: note: all is well')).toBe(
      'ossup: error: cannot read a\\nossup: note: all is well\n',
    )
  })
})

describe('isInterruption', () => {
  it('tells the reason of a signal from other reasons', () => {
    expect(isInterruption({ signal: 'SIGINT', exitCode: 130 })).toBe(true)
    for (const other of [new Error('x'), null, undefined, 'SIGINT', {}]) {
      expect(isInterruption(other)).toBe(false)
    }
  })
})
