import { describe, expect, it } from 'vitest'
import { tell } from '../../src/upload/events.js'

describe('tell', () => {
  it('gives the value to the listener', () => {
    const heard: number[] = []
    tell((value) => heard.push(value), 7)
    expect(heard).toEqual([7])
  })

  it('does nothing without a listener', () => {
    expect(tell(undefined, 7)).toBeUndefined()
  })

  it('drops what the listener throws', () => {
    let called = false
    tell(() => {
      called = true
      throw new Error('from the listener')
    }, 7)
    expect(called).toBe(true)
  })
})
