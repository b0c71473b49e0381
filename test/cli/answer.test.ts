import { describe, expect, it } from 'vitest'
import { answerFacts, answerJson, answerLine, formatAge, sayBeside } from '../../src/cli/answer.js'
import { pretendIo } from './fixtures.js'

describe('answers', () => {
  it('are one line each, whatever a key contains', () => {
    const io = pretendIo()
    answerLine(io, 'a\nb')
    answerFacts(io, [
      ['key', 'c\rd'],
      ['size', '5'],
    ])
    answerJson(io, 'result', { key: 'e\nf' })
    expect(io.out).toBe('a\\nb\nkey   c\\rd\nsize  5\n{"type":"result","key":"e\\nf"}\n')
  })

  it.each([
    [false, '', 'ossup: note: x\n'],
    [true, '{"type":"note","text":"x"}\n', ''],
  ])('have their notes beside them: json %s', (json, out, err) => {
    const io = pretendIo()
    sayBeside(io, json, 'note', 'x')
    expect([io.out, io.err]).toEqual([out, err])
  })
})

describe('formatAge', () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000]
  it.each([
    [-5, '0s'],
    [0, '0s'],
    [999, '0s'],
    [second, '1s'],
    [59 * second, '59s'],
    [minute, '1m'],
    [minute + second, '1m 1s'],
    [hour - 1, '59m 59s'],
    [hour, '1h'],
    [hour + 59 * second, '1h'],
    [5 * hour + 7 * minute, '5h 7m'],
    [day - 1, '23h 59m'],
    [day, '1d'],
    [400 * day + 23 * hour, '400d 23h'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text)
  })
})
