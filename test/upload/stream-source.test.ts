// Reading streams of every kind: what comes out, what is refused, and that nothing of them is left running.

import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type ByteStream, ChunkReader } from '../../src/upload/stream-source.js'

/** Nobody waits here: what sleeps is let go when it is not needed any more. */
const environment = {
  sleep: (_: number, signal?: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    }),
}
const impatient = { sleep: async () => {} }

const pieces = [Buffer.of(1), Buffer.of(), Buffer.of(2, 3), new Uint8Array([4]), Buffer.of()]

function webStream(chunks: readonly unknown[], log: unknown[] = []): ReadableStream<Uint8Array> {
  const rest = [...chunks]
  return new ReadableStream(
    {
      pull(controller) {
        const next = rest.shift()
        if (next === undefined) controller.close()
        else controller.enqueue(next as Uint8Array)
      },
      cancel(reason) {
        log.push(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

async function* generator(chunks: readonly unknown[], log: unknown[] = []) {
  try {
    for (const chunk of chunks) yield chunk as Uint8Array
  } finally {
    log.push('returned')
  }
}

async function readAll(stream: ByteStream): Promise<number[]> {
  const reader = new ChunkReader(stream, environment)
  const bytes: number[] = []
  for (;;) {
    const chunk = await reader.next(undefined)
    if (chunk === undefined) break
    expect(chunk.byteLength).toBeGreaterThan(0)
    bytes.push(...chunk)
  }
  expect(await reader.next(undefined)).toBeUndefined()
  await reader.stop('late')
  return bytes
}

describe('every kind of stream', () => {
  it.each<[string, () => ByteStream]>([
    ['a Readable', () => Readable.from(pieces)],
    ['a Readable of bytes', () => Readable.from(pieces, { objectMode: false })],
    ['a web stream', () => webStream(pieces)],
    ['a web stream of Node’s', () => Readable.toWeb(Readable.from(pieces)) as ReadableStream],
    ['the body of a Response', () => new Response(Buffer.of(1, 2, 3, 4)).body as ReadableStream],
    ['an async generator', () => generator(pieces)],
    ['an array', () => pieces],
    ['a Set', () => new Set(pieces)],
  ])('%s is read to its end, without empty chunks', async (_, make) => {
    expect(await readAll(make())).toEqual([1, 2, 3, 4])
  })

  it.each<[string, ByteStream]>([
    ['Readable', Readable.from([])],
    ['web stream', webStream([])],
    ['array', []],
    ['file', createReadStream('/dev/null')],
  ])('an empty %s ends at once', async (_, stream) => {
    expect(await readAll(stream)).toEqual([])
  })
})

describe('what is not bytes', () => {
  it.each([
    ['a string', 'text', /value of type string/],
    ['a number', 7, /value of type number/],
    ['null', null, /value of type null/],
    ['another view', new Uint16Array(2), /no Uint8Array/],
  ])('is refused by name: %s', async (_, value, message) => {
    const reader = new ChunkReader(generator([Buffer.of(1), value]), environment)
    await reader.next(undefined)
    await expect(reader.next(undefined)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      message: expect.stringMatching(message),
    })
  })
})

describe('a stream that fails', () => {
  const failure = new Error('disk on fire')
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.of(1)
    throw failure
  }
  it.each<[string, () => ByteStream]>([
    [
      'a Readable',
      () =>
        new Readable({
          read() {
            this.destroy(failure)
          },
        }),
    ],
    [
      'a web stream',
      () =>
        new ReadableStream({
          pull(controller) {
            controller.error(failure)
          },
        }),
    ],
    ['a generator', () => failing()],
    [
      'a plain iterator',
      () => ({
        [Symbol.iterator]: () => ({
          next() {
            throw failure
          },
        }),
      }),
    ],
  ])('%s is named, with its cause', async (_, make) => {
    await expect(readAll(make())).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      message: 'the source stream failed: disk on fire',
      cause: failure,
    })
  })

  it('before anybody reads it does not end the process', async () => {
    const stream = createReadStream('/does/not/exist')
    const reader = new ChunkReader(stream, environment)
    await new Promise<void>((resolve) => stream.once('close', () => resolve()))
    await expect(reader.next(undefined)).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE',
      cause: { code: 'ENOENT' },
    })
  })

  it('when it is cut off is no end', async () => {
    const stream = new PassThrough()
    const reader = new ChunkReader(stream, environment)
    stream.write(Buffer.of(1))
    expect(await reader.next(undefined)).toEqual(Buffer.of(1))
    const next = reader.next(undefined)
    stream.destroy()
    await expect(next).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE' })
  })
})

describe('stopping', () => {
  it('destroys a Readable', async () => {
    const stream = Readable.from([Buffer.of(1), Buffer.of(2)])
    const reader = new ChunkReader(stream, environment)
    await reader.next(undefined)
    await reader.stop('enough')
    expect(stream.destroyed).toBe(true)
  })

  it('destroys a Readable that was never read', async () => {
    const stream = createReadStream('/dev/zero')
    await new ChunkReader(stream, environment).stop('enough')
    expect(stream.destroyed).toBe(true)
  })

  it('cancels a web stream with the reason and gives it back', async () => {
    const log: unknown[] = []
    const stream = webStream(pieces, log)
    const reader = new ChunkReader(stream, environment)
    await reader.next(undefined)
    await reader.stop('enough')
    expect(log).toEqual(['enough'])
    expect(stream.locked).toBe(false)
  })

  it('lets a generator clean up', async () => {
    const log: unknown[] = []
    const reader = new ChunkReader(generator(pieces, log), environment)
    await reader.next(undefined)
    await reader.stop('enough')
    expect(log).toEqual(['returned'])
  })

  it('does nothing to what has ended by itself', async () => {
    const log: unknown[] = []
    const reader = new ChunkReader(webStream([], log), environment)
    await reader.next(undefined)
    await reader.stop('enough')
    await reader.stop('again')
    expect(log).toEqual([])
  })

  it('does not wait for code that never comes back', async () => {
    const stuck: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => new Promise(() => {}),
      }),
    }
    const reader = new ChunkReader(stuck, impatient)
    const controller = new AbortController()
    const next = reader.next(controller.signal)
    controller.abort('enough')
    await expect(next).rejects.toBe('enough')
    await reader.stop('enough')
  })

  it('survives streams that fail at being stopped', async () => {
    const broken: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: Buffer.of(1) }),
        return() {
          throw new Error('no')
        },
      }),
    }
    const reader = new ChunkReader(broken, environment)
    await reader.next(undefined)
    await reader.stop('enough')
  })
})

describe('the signal', () => {
  it('interrupts a read that waits, and leaves no listener', async () => {
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    const stream = new PassThrough()
    const reader = new ChunkReader(stream, environment)
    stream.write(Buffer.of(1))
    await reader.next(signal)
    const waiting = reader.next(signal)
    controller.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    expect(listeners).toBe(0)
    await reader.stop('enough')
    expect(stream.destroyed).toBe(true)
  })

  it('gets its turn beside a source that never waits', async () => {
    function* zeros(): Generator<Uint8Array> {
      for (;;) yield Buffer.of()
    }
    const reader = new ChunkReader(zeros(), environment)
    await expect(reader.next(AbortSignal.timeout(20))).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    await reader.stop('enough')
  })
})
