import { describe, expect, it } from 'vitest'
import { createDisplay } from '../../src/cli/progress-display.js'
import { pretendIo, progressAt } from './fixtures.js'

const mib = 1024 * 1024

describe('on a terminal', () => {
  it('redraws one line, at most ten times a second', () => {
    const io = pretendIo({ isTTY: true, columns: 100 })
    const display = createDisplay(io, true)
    for (let step = 0; step < 100; step++) {
      display.update(progressAt(step * mib))
      io.wait(20)
    }
    display.end()
    const drawn = io.err.split('\r').length - 1
    expect(drawn).toBeGreaterThan(15)
    expect(drawn).toBeLessThanOrEqual(21)
    expect(io.err.split('\n')).toHaveLength(2)
    expect(io.err.endsWith('\x1b[K\n')).toBe(true)
  })

  it('draws every phase, however short', () => {
    const io = pretendIo({ isTTY: true })
    const display = createDisplay(io, true)
    for (const phase of ['verifying', 'sending', 'completing', 'completed']) {
      display.update(progressAt(0, { phase }))
    }
    display.end()
    for (const phase of ['verifying', 'sending', 'completing', 'completed']) {
      expect(io.err).toContain(phase)
    }
  })

  it('moves the line below what is said', () => {
    const io = pretendIo({ isTTY: true })
    const display = createDisplay(io, true)
    display.update(progressAt(0))
    display.say('ossup: note: hello\n')
    display.end()
    expect(io.err).toContain('\r\x1b[Kossup: note: hello\n\rsending')
  })

  it('shows retries with the next redraw', () => {
    const io = pretendIo({ isTTY: true, columns: 100 })
    const display = createDisplay(io, true)
    display.update(progressAt(mib))
    display.retrying(2)
    expect(io.err).not.toContain('retrying')
    io.wait(100)
    display.update(progressAt(mib))
    expect(io.err).toContain('retrying 2')
    display.retrying(0)
    display.end()
    expect(io.err.split('\r').at(-1)).not.toContain('retrying')
  })

  it('writes the new text before it erases the old, so that nothing flickers', () => {
    const io = pretendIo({ isTTY: true })
    const display = createDisplay(io, true)
    display.update(progressAt(0))
    io.wait(100)
    display.update(progressAt(mib))
    expect(io.err.replaceAll('\x1b[K', '|')).toMatch(/^\rsending[^|]*\|\rsending[^|]*\|$/)
  })

  it('goes back over the rows that a narrower terminal has made of the line', () => {
    const io = pretendIo({ isTTY: true, columns: 120 })
    const display = createDisplay(io, true)
    display.update(progressAt(mib))
    Object.assign(io.stderr, { columns: 40 })
    io.wait(100)
    display.update(progressAt(2 * mib))
    expect(io.err).toContain('\x1b[K\r\x1b[2A\x1b[Jsending 2 %')
    io.wait(100)
    display.update(progressAt(3 * mib))
    expect(io.err.replaceAll('\x1b[K', '|')).toMatch(/\|\rsending 3 %[^|]*\|$/)
  })

  it('gives way to what another stream writes to the same screen', () => {
    const io = pretendIo({ isTTY: true })
    const display = createDisplay(io, true)
    display.update(progressAt(mib))
    const before = io.err
    display.say('result\n', io.stdout)
    expect([io.out, io.err]).toEqual(['result\n', before])
    Object.assign(io.stdout, { isTTY: true })
    display.say('result\n', io.stdout)
    expect(io.err.startsWith(`${before}\r\x1b[K\rsending`)).toBe(true)
  })

  it('of several files leaves no line behind unless all are stored', () => {
    for (const phase of ['sending', 'completed'] as const) {
      const io = pretendIo({ isTTY: true })
      const display = createDisplay(io, true)
      const files = { done: 1, failed: 0, total: 2 }
      display.update(progressAt(mib, { files, phase }))
      display.end()
      expect(io.err.endsWith(phase === 'sending' ? '\r\x1b[K' : '\n')).toBe(true)
    }
  })

  it('uses no colour, and never a line wider than the terminal', () => {
    const io = pretendIo({ isTTY: true, columns: 20, env: { NO_COLOR: '1' } })
    const display = createDisplay(io, true)
    display.update(progressAt(mib))
    display.end()
    const text = io.err.replaceAll('\x1b[K', '')
    expect(text).not.toContain('\x1b')
    for (const line of text.split(/[\r\n]/)) expect(line.length).toBeLessThan(20)
  })

  it('draws nothing after the end', () => {
    const io = pretendIo({ isTTY: true })
    const display = createDisplay(io, true)
    display.update(progressAt(0))
    display.end()
    const before = io.err
    display.say('ossup: note: bye\n')
    expect(io.err).toBe(`${before}ossup: note: bye\n`)
  })
})

describe('in a log', () => {
  it('writes whole lines, the first at ten percent, then every ten seconds at most', () => {
    const io = pretendIo()
    const display = createDisplay(io, true)
    for (let percent = 0; percent <= 100; percent++) {
      display.update(progressAt(percent * mib))
      io.wait(500)
    }
    display.end()
    const percents = [...io.err.matchAll(/sending: (\d+) %/g)].map(([, percent]) => Number(percent))
    expect(percents).toEqual([10, 30, 50, 70, 90])
  })

  it('writes no more than ten lines for an upload of days', () => {
    const io = pretendIo()
    const display = createDisplay(io, true)
    for (let percent = 0; percent <= 100; percent++) {
      display.update(progressAt(percent * mib))
      io.wait(3_600_000)
    }
    display.end()
    expect(io.err.split('\n').length - 1).toBeLessThanOrEqual(10)
    expect(io.err).not.toContain('\r')
    expect(io.err).not.toContain('\x1b')
  })

  it('says less and less of a stream, whose end is not in sight', () => {
    const io = pretendIo()
    const display = createDisplay(io, true)
    for (let second = 0; second <= 3_600; second++) {
      display.update(progressAt(second * mib, { totalBytes: undefined, parts: undefined }))
      io.wait(1_000)
    }
    display.end()
    const said = [
      ...io.err.matchAll(
        /sending: ([\d.]+ [MG]iB), 1024\.0 KiB\/s|sending: ([\d.]+ [MG]iB), 1\.0 MiB\/s/g,
      ),
    ]
    expect(said.map(([, a, b]) => a ?? b)).toEqual(
      expect.arrayContaining(['10.0 MiB', '30.0 MiB', '70.0 MiB']),
    )
    expect(io.err.split('\n').length - 1).toBeLessThanOrEqual(14)
  })

  it('is what a dumb terminal gets', () => {
    const io = pretendIo({ isTTY: true, env: { TERM: 'dumb' } })
    const display = createDisplay(io, true)
    display.update(progressAt(10 * mib))
    display.end()
    expect(io.err).toMatch(/^ossup: sending: 10 %.*\n$/)
  })
})

describe('when nothing is to be shown', () => {
  it('says what it is given and draws nothing', () => {
    const io = pretendIo({ isTTY: true })
    const display = createDisplay(io, false)
    display.update(progressAt(50 * mib))
    display.say('ossup: note: hello\n')
    display.end()
    expect(io.err).toBe('ossup: note: hello\n')
  })
})
