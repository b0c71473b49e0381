import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listenForAbort } from '../../src/primitives/abort-listeners.js'

describe('listenForAbort', () => {
  it('calls all that listen, with one listener of the signal, which goes when they are gone', () => {
    const { signal } = new AbortController()
    const ends = [1, 2, 3].map(() => listenForAbort(signal, () => {}))
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    for (const end of ends) end()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    listenForAbort(signal, () => {})()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('calls nobody whose end was called, in any order of beginnings and ends', () => {
    const steps = fc.array(fc.record({ begin: fc.boolean(), which: fc.nat(9) }), { maxLength: 40 })
    fc.assert(
      fc.property(steps, (taken) => {
        const controller = new AbortController()
        const called: number[] = []
        const ends = new Map<number, () => void>()
        let count = 0
        for (const { begin, which } of taken) {
          const open = [...ends.keys()]
          const name = open[which % Math.max(1, open.length)]
          if (begin || name === undefined) {
            const id = count++
            ends.set(
              id,
              listenForAbort(controller.signal, () => called.push(id)),
            )
          } else {
            ends.get(name)?.()
            // Twice is as good as once.
            ends.get(name)?.()
            ends.delete(name)
          }
        }
        controller.abort()
        expect(called.toSorted((a, b) => a - b)).toEqual([...ends.keys()])
      }),
    )
  })

  it('calls each that listened when it aborted, also when one of them ends the others', () => {
    const controller = new AbortController()
    const called: string[] = []
    const ends: (() => void)[] = []
    for (const name of ['a', 'b', 'c']) {
      const callback = (): void => {
        called.push(name)
        for (const end of ends) end()
      }
      ends.push(listenForAbort(controller.signal, callback))
    }
    controller.abort()
    expect(called).toEqual(['a', 'b', 'c'])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('keeps signals apart', () => {
    const [one, other] = [new AbortController(), new AbortController()]
    const called: string[] = []
    listenForAbort(one.signal, () => called.push('one'))
    listenForAbort(other.signal, () => called.push('other'))
    other.abort()
    expect(called).toEqual(['other'])
  })
})
