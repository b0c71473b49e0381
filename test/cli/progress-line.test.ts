import { describe, expect, it } from 'vitest'
import {
  formatBytes,
  formatDuration,
  percentOf,
  plainProgress,
  progressLine,
  RateWindow,
  secondsLeft,
} from '../../src/cli/progress-line.js'
import { progressAt } from './fixtures.js'

const mib = 1024 * 1024

describe('progressLine', () => {
  const state = { ...progressAt(40 * mib), bytesPerSecond: 5 * mib }

  it('shows phase, bar, percent, bytes, rate, time left and parts', () => {
    expect(progressLine(state, 120)).toBe(
      'sending     [########------------]   40 %   40.0 / 100.0 MiB (sent  40.0)   5.0 MiB/s  ETA 0:12       4/10 parts',
    )
  })

  it('shows beside what is confirmed what is on its way', () => {
    const onItsWay = { ...state, sentBytes: 60 * mib }
    expect(progressLine(onItsWay, 120)).toContain('[########====--------]   40 %')
    expect(progressLine(onItsWay, 120)).toContain('40.0 / 100.0 MiB (sent  60.0)')
    const all = { ...state, sentBytes: 100 * mib }
    expect(progressLine(all, 120)).toContain('[########============]')
    expect(progressLine({ ...onItsWay, repeated: true }, 120)).toContain('[########------------]')
  })

  it('tells days where hours would be many', () => {
    const left = (bytesPerSecond: number) => progressLine({ ...state, bytesPerSecond }, 120)
    expect(left(1)).toContain('ETA 729 d')
    expect(left(170)).toContain('ETA 5 d')
    expect(left(220)).toContain('ETA 79:26:16')
    expect(progressLine({ ...state, totalBytes: 2 ** 40, bytesPerSecond: 1 }, 120)).toContain(
      'ETA > 999 d',
    )
  })

  it('says that it waits when everything is sent, or nothing moves', () => {
    expect(progressLine({ ...state, sentBytes: 100 * mib }, 80)).toMatch(/ waiting$/)
    expect(progressLine({ ...state, bytesPerSecond: 0 }, 80)).toMatch(/ 0 B\/s {2}waiting$/)
    expect(progressLine({ ...state, phase: 'completing' }, 80)).not.toContain('waiting')
  })

  it('keeps what it shows in its place, whatever is known and however much', () => {
    for (const columns of [60, 80, 100, 120, 160]) {
      const ends = [undefined, 1, 1_027_000, 5 * mib, 99.9 * mib].map((bytesPerSecond) => {
        const line = progressLine({ ...state, partsDone: 9, bytesPerSecond }, columns)
        return [line.indexOf(' %'), line.indexOf('MiB'), line.includes('parts')].join()
      })
      expect(new Set(ends).size, `${columns}`).toBe(1)
    }
  })

  it('of several files counts them in place of parts, and rather than a bar', () => {
    const several = { ...state, files: { done: 3, failed: 0, total: 12 } }
    expect(progressLine(several, 120)).toMatch(/\[#.*ETA 0:12 {7}3\/12 files$/)
    expect(progressLine(several, 80)).toMatch(/^sending +40 % .*ETA 0:12 {7}3\/12 files$/)
    const failed = { ...several, files: { done: 3, failed: 1, total: 12 } }
    expect(progressLine(failed, 120)).toMatch(/ 3\/12 files, 1 failed$/)
    expect(progressLine(failed, 40)).toBe('sending 40 % 3/12 files, 1 failed')
    expect(progressLine(several, 40)).toBe('sending 40 % 3/12 files ETA 0:12')
    expect(plainProgress(several)).toMatch(/, 3 of 12 files$/)
  })

  it.each([0, 1, 2, 10, 20, 40, 50, 60, 80, 100, 200])('fits %i columns', (columns) => {
    expect(progressLine(state, columns).length).toBeLessThan(Math.max(1, columns))
  })

  it('shows how many requests are tried again, in place of a time that nobody knows', () => {
    const line = progressLine({ ...state, retrying: 3 }, 120)
    expect(line).toContain('5.0 MiB/s  retrying 3     4/10 parts')
    expect(progressLine({ ...state, retrying: 3 }, 80)).toMatch(/\[.*retrying 3$/)
    expect(plainProgress({ ...state, retrying: 3 })).toContain(', retrying 3, ')
    const because = { ...state, retrying: 3, cause: '503 ServiceUnavailable' }
    expect(progressLine(because, 160)).toContain('retrying 3 (503 ServiceUnavailable)')
    expect(progressLine(because, 80)).toMatch(/retrying 3$/)
    expect(plainProgress(because)).toContain(', retrying 3 (503 ServiceUnavailable), ')
    const over = { ...state, phase: 'completed', retrying: 3 } as const
    expect(progressLine(over, 120)).not.toContain('retrying')
  })

  it('keeps percent and bytes longest', () => {
    expect(progressLine(state, 80)).toContain('[####------]   40 %')
    expect(progressLine(state, 40)).toBe('sending 40 % 40.0 / 100.0 MiB ETA 0:12')
    expect(progressLine(state, 13)).toBe('sending 40 %')
  })

  it('keeps its width while the amount grows', () => {
    const widths = [0, 1, 9.95, 10, 99.9].map(
      (done) => progressLine({ ...progressAt(done * mib), partsDone: 0 }, 120).length,
    )
    expect(new Set(widths).size).toBe(1)
  })

  it('shows the whole amount only when it is reached', () => {
    const almost = progressAt(100 * mib - 1)
    expect(progressLine(almost, 120)).toContain(' 99.9 / 100.0 MiB')
    const odd = progressAt(20_000_000, { totalBytes: 20_000_000, phase: 'completed' })
    expect(progressLine(odd, 120)).toContain('19.1 / 19.1 MiB')
  })
})

describe('percentOf', () => {
  it.each([
    [0, 'sending', 0],
    [mib - 1, 'sending', 0],
    [mib, 'sending', 1],
    [100 * mib - 1, 'completing', 99],
    [100 * mib, 'sending', 99],
    [100 * mib, 'completed', 100],
  ])('%i of 100 MiB while %s is %i', (bytes, phase, percent) => {
    expect(percentOf(progressAt(bytes, { phase }))).toBe(percent)
  })

  it('of an empty file is 100 only at the end', () => {
    expect(percentOf(progressAt(0, { totalBytes: 0 }))).toBe(0)
    expect(percentOf(progressAt(0, { totalBytes: 0, phase: 'completed' }))).toBe(100)
  })
})

describe('secondsLeft', () => {
  it('counts what is on its way as sent', () => {
    const state = progressAt(40 * mib, { sentBytes: 60 * mib, bytesPerSecond: 10 * mib })
    expect(secondsLeft(state)).toBe(4)
  })

  it('counts nothing as on its way once something was sent twice', () => {
    const state = progressAt(40 * mib, { sentBytes: 90 * mib, bytesPerSecond: 10 * mib })
    expect(secondsLeft({ ...state, repeated: true })).toBe(6)
  })

  it('is not told without a rate, without movement, or in another phase', () => {
    expect(secondsLeft(progressAt(0))).toBeUndefined()
    expect(secondsLeft(progressAt(0, { bytesPerSecond: 0 }))).toBeUndefined()
    expect(secondsLeft(progressAt(0, { bytesPerSecond: 1, phase: 'verifying' }))).toBeUndefined()
  })
})

describe('plainProgress', () => {
  it('is a line for a log', () => {
    expect(plainProgress({ ...progressAt(5 * mib), bytesPerSecond: 5 * mib })).toBe(
      'sending: 5 %, 5.0 of 100.0 MiB, 5.0 MiB/s, ETA 0:19, 0 of 10 parts',
    )
  })
})

describe('RateWindow', () => {
  it('has no rate before half a second', () => {
    const window = new RateWindow()
    expect(window.bytesPerSecond).toBeUndefined()
    window.add(0, 0)
    window.add(499, 1_000)
    expect(window.bytesPerSecond).toBeUndefined()
    window.add(500, 1_000)
    expect(window.bytesPerSecond).toBe(2_000)
  })

  it('forgets what is more than ten seconds ago', () => {
    const window = new RateWindow()
    for (let second = 0; second <= 10; second++) window.add(second * 1_000, second * 1_000_000)
    for (let second = 11; second <= 21; second++) window.add(second * 1_000, 10_000_000)
    expect(window.bytesPerSecond).toBe(0)
  })

  it('begins anew when the count does', () => {
    const window = new RateWindow()
    window.add(0, 5_000)
    window.add(1_000, 0)
    window.add(2_000, 100)
    expect(window.bytesPerSecond).toBe(100)
  })
})

describe('without a total, as of a stream', () => {
  const state = {
    ...progressAt(35 * mib),
    ...{ totalBytes: undefined, partsDone: 1, parts: undefined, bytesPerSecond: 2 * mib },
  }

  it('the line has bytes, rate and parts, and guesses nothing', () => {
    expect(progressLine(state, 80)).toMatch(/^sending {5}35\.0 MiB {3}2\.0 MiB\/s +1 part$/)
    expect(progressLine({ ...state, partsDone: 7 }, 80)).toMatch(/ 7 parts$/)
    expect(progressLine(state, 36)).toBe('sending 35.0 MiB 2.0 MiB/s')
    expect(progressLine(state, 12).length).toBeLessThanOrEqual(11)
  })

  it('a line for a log has them too', () => {
    expect(plainProgress(state)).toBe('sending: 35.0 MiB, 2.0 MiB/s, 1 part')
  })

  it('nobody knows the percentage or the time', () => {
    expect(percentOf(state)).toBeUndefined()
    expect(secondsLeft(state)).toBeUndefined()
    expect(percentOf({ ...state, phase: 'completed', totalBytes: 1, parts: 1 })).toBe(100)
  })
})

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1.5 * mib, '1.5 MiB'],
    [1024 ** 3, '1.0 GiB'],
    [48.8 * 1024 ** 4, '48.8 TiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0:00'],
    [0.1, '0:01'],
    [59, '0:59'],
    [60, '1:00'],
    [3599, '59:59'],
    [3600, '1:00:00'],
    [3723, '1:02:03'],
  ])('%d s is %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })
})
