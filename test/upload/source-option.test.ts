// What can be given to be uploaded, and what is refused by name before anything is read.

import { createReadStream } from 'node:fs'
import { PassThrough, Readable, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  contentHints,
  openResolved,
  resolveSource,
  type UploadSource,
} from '../../src/upload/source-option.js'
import { MemoryFileSystem } from '../support/memory-fs.js'

function refusal(source: unknown): Error {
  try {
    resolveSource(source)
  } catch (error) {
    return error as Error
  }
  throw new Error('it was taken')
}

describe('resolveSource', () => {
  it.each<[string, unknown, string]>([
    ['a Buffer', Buffer.of(1), 'bytes'],
    ['a Uint8Array', new Uint8Array(0), 'bytes'],
    ['a Blob', new Blob([]), 'blob'],
    ['a File', new File([], 'n'), 'blob'],
    ['a Readable', Readable.from([]), 'stream'],
    ['a Duplex', new PassThrough(), 'stream'],
    ['a web stream', new ReadableStream(), 'stream'],
    ['an async generator', (async function* () {})(), 'stream'],
    ['an array', [], 'stream'],
  ])('takes %s', (_, source, kind) => {
    expect(resolveSource(source).kind).toBe(kind)
  })

  it.each<[string, unknown, RegExp]>([
    ['text', 'x', /must not be a string: give the name of a file as path, and text as Buffer/],
    ['nothing', null, /must not be null/],
    ['a number', 5, /must not be a number/],
    ['a function', () => {}, /must not be a function/],
    ['an ArrayBuffer', new ArrayBuffer(1), /in a Uint8Array/],
    ['another view', new Uint16Array(1), /in a Uint8Array/],
    ['a DataView', new DataView(new ArrayBuffer(1)), /in a Uint8Array/],
    ['an object', {}, /must be bytes, a Blob, or a stream/],
    ['a Response', new Response('x'), /must be bytes, a Blob, or a stream/],
    ['a Writable', new Writable(), /must be bytes, a Blob, or a stream/],
  ])('refuses %s', (_, source, message) => {
    const error = refusal(source)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/^source /)
    expect(error.message).toMatch(message)
  })

  it('refuses what has nothing left: it would be stored as an empty object', async () => {
    const ended = Readable.from([Buffer.of(1)])
    for await (const _ of ended);
    expect(refusal(ended).message).toContain('has not ended')
    const destroyed = new PassThrough()
    destroyed.destroy()
    expect(refusal(destroyed).message).toContain('been destroyed')
    const read = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.of(1)) })
    const reader = read.getReader()
    await reader.read()
    reader.releaseLock()
    expect(refusal(read).message).toContain('nothing was read')
  })

  it('refuses a web stream that somebody else reads', () => {
    const stream = new ReadableStream()
    stream.getReader()
    expect(refusal(stream).message).toContain('locked')
  })

  it('refuses a Readable that gives text', () => {
    const stream = new PassThrough()
    stream.setEncoding('utf8')
    expect(refusal(stream).message).toContain('setEncoding')
  })

  it('takes one that has failed: reading it tells why', async () => {
    const stream = new PassThrough()
    stream.on('error', () => {})
    stream.destroy(new Error('why'))
    expect(resolveSource(stream).kind).toBe('stream')
  })
})

it('its type takes what Node and the web give', () => {
  const sources: UploadSource[] = [
    new Uint8Array(0),
    new Blob([]),
    new File([], 'n'),
    process.stdin,
    createReadStream('/dev/null'),
    new PassThrough(),
    new ReadableStream<Uint8Array>(),
    new Blob([]).stream(),
    (async function* () {
      yield Buffer.of()
    })(),
    [Buffer.of()],
  ]
  for (const source of sources.slice(4)) {
    expect(() => resolveSource(source)).not.toThrow()
    if (source instanceof Readable) source.destroy()
  }
})

describe('openResolved', () => {
  it('opens files, bytes and Blobs alike', async () => {
    const fs = new MemoryFileSystem()
    fs.put('/f', Buffer.from('abc'))
    for (const source of [
      { kind: 'file', path: '/f' },
      { kind: 'bytes', bytes: Buffer.from('abc') },
      { kind: 'blob', blob: new Blob(['abc']) },
    ] as const) {
      const opened = await openResolved(source, fs)
      const buffer = Buffer.alloc(2)
      await opened.read(buffer, 1)
      expect(buffer.toString()).toBe('bc')
      await opened.close()
    }
  })
})

describe('contentHints', () => {
  it('are the path, the type of a Blob, the name of a File', () => {
    expect(contentHints({ kind: 'file', path: 'a.png' })).toEqual({ name: 'a.png' })
    expect(contentHints(resolveSource(new Blob([], { type: 'x/y' })))).toEqual({ type: 'x/y' })
    expect(contentHints(resolveSource(new File([], 'a.json')))).toEqual({ name: 'a.json' })
    expect(contentHints(resolveSource([]))).toEqual({})
  })
})
