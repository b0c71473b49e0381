import { describe, expect, it } from 'vitest'
import { Ending } from '../../src/transport/ending.js'

describe('Ending', () => {
  it('tells all that listen, once, with the first reason', () => {
    const ending = new Ending()
    const heard: unknown[] = []
    for (const name of ['a', 'b']) ending.once('abort', () => heard.push([name, ending.reason]))
    expect([ending.aborted, ending.reason]).toEqual([false, undefined])
    ending.abort('first')
    ending.abort('second')
    expect(heard).toEqual([
      ['a', 'first'],
      ['b', 'first'],
    ])
    expect([ending.aborted, ending.reason]).toEqual([true, 'first'])
  })

  it('is over for a listener that asks while it is told', () => {
    const ending = new Ending()
    let seen: boolean | undefined
    ending.on('abort', () => {
      seen = ending.aborted
    })
    ending.abort(undefined)
    expect(seen).toBe(true)
  })

  it('tells nobody who has stopped listening', () => {
    const ending = new Ending()
    let told = 0
    const listener = (): void => void told++
    ending.once('abort', listener)
    ending.off('abort', listener)
    ending.abort(undefined)
    expect(told).toBe(0)
  })
})
