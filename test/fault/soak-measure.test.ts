// The judgement of the soak: flat is flat, a leak is a leak.

import { describe, expect, it } from 'vitest'
import { growth, median, type Sample } from './soak-measure.js'

const mebibyte = 2 ** 20
const walk = (count: number, at: (index: number) => Partial<Sample>): Sample[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ heap: 30 * mebibyte, rss: 0, handles: 5, sockets: 4 },
    ...at(index),
  }))

describe('growth', () => {
  it('does not see noise, nor what warms up', () => {
    expect(growth(walk(40, (n) => ({ heap: (30 + (n % 5)) * mebibyte, handles: n % 4 })))).toEqual(
      [],
    )
    expect(growth(walk(40, (n) => ({ heap: (n < 4 ? 10 : 60) * mebibyte })))).toEqual([])
  })

  it('sees a heap, handles and sockets that grow', () => {
    expect(growth(walk(40, (n) => ({ heap: (30 + n) * mebibyte })))).toEqual([
      'the heap has grown from 38.0 to 65.0 MiB',
    ])
    const handles = growth(walk(40, (n) => ({ handles: 5 + n, sockets: 2 * n })))
    expect(handles).toEqual([
      'handles have grown from 13 to 40',
      'sockets have grown from 16 to 70',
    ])
  })

  it('says when it cannot tell', () => {
    expect(growth(walk(3, () => ({})))).toEqual(['too few samples to tell'])
    expect(median([3, 1, 2])).toBe(2)
  })
})
