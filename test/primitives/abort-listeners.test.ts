import { execFile } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listenForAbort } from '../../src/primitives/abort-listeners.js'
import { repositoryRoot } from '../house/source-tree.js'

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

  it('calls the others where one throws, which is an uncaught error as with any listener', async () => {
    const module = JSON.stringify(join(repositoryRoot, 'src/primitives/abort-listeners.ts'))
    const script = `
      const { listenForAbort } = await import(${module})
      process.on('uncaughtException', ({ message }) => console.log('uncaught', message))
      const controller = new AbortController()
      for (const name of ['a', 'b', 'c']) {
        listenForAbort(controller.signal, () => {
          console.log(name)
          if (name === 'b') throw new Error('of b')
        })
      }
      controller.abort()`
    const argv = ['--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: repositoryRoot })
    expect(stdout.trim().split('\n')).toEqual(['a', 'b', 'c', 'uncaught of b'])
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
