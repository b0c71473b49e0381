// The life of an upload as its caller sees it: results, refusals, cancellation, and what is left behind.

import { afterEach, describe, expect, it } from 'vitest'
import type { UploadProgress } from '../../src/upload/events.js'
import { errno } from '../support/memory-fs.js'
import { randomBytes, World } from '../support/world.js'

const partSize = 102_400
const bytes = randomBytes(5 * partSize + 10)
const cancelled = new Error('cancelled')

let world: World
afterEach(() => world.close())

function count(operation: string): number {
  return world.oss.requests.filter((request) => request.operation === operation).length
}

/** Calls `act` when the part `number` arrives at OSS. */
function whenPart(number: number, act: () => void): void {
  let done = false
  world.oss.setFault((request) => {
    if (!done && request.partNumber === number) {
      done = true
      act()
    }
    return undefined
  })
}

describe('uploadFile', () => {
  it.each([0, 1, partSize - 1, partSize])('stores %i bytes with one PutObject', async (size) => {
    world = await World.create(randomBytes(size))
    const result = await world.process().upload()
    expect(result).toMatchObject({ size, parts: 1, outcome: 'completed' })
    expect(result).not.toHaveProperty('uploadId')
    expect(world.oss.requests.map(({ operation }) => operation)).toEqual(['PutObject'])
    expect(world.stored()?.equals(randomBytes(size))).toBe(true)
    expect(world.fs.list()).toEqual([world.path])
  })

  it.each([partSize + 1, 2 * partSize, 2 * partSize + 1])(
    'stores %i bytes in parts',
    async (size) => {
      world = await World.create(randomBytes(size))
      const result = await world.process().upload()
      expect(result).toMatchObject({ size, parts: Math.ceil(size / partSize) })
      expect(world.stored()?.equals(randomBytes(size))).toBe(true)
    },
  )

  it('touches nothing when an option is wrong', async () => {
    world = await World.create(bytes)
    const calls: string[] = []
    world.fs.fail = ({ name }) => {
      calls.push(name)
      return undefined
    }
    await expect(world.process().upload({ partSize: 1 })).rejects.toThrow(/partSize .*100 KiB/)
    await expect(world.process().upload({ nonsense: 1 } as object)).rejects.toThrow('"nonsense"')
    expect(calls).toEqual([])
    expect(world.oss.requests).toHaveLength(0)
  })

  it('has the upload id on disk before the first byte of a part is sent (I1)', async () => {
    world = await World.create(bytes)
    const seen: string[] = []
    world.oss.setFault((request) => {
      if (request.operation === 'UploadPart' && seen.length === 0) {
        // What a power failure at this instant would leave.
        world.fs.powerFailure('durable')
        seen.push(world.fs.text(`${world.path}.ucp`), request.uploadId ?? '')
      }
      return undefined
    })
    await world
      .process()
      .upload({ concurrency: 1 })
      .catch(() => {})
    expect(seen[0]).toContain(`"uploadId":"${seen[1]}"`)
  })

  it('records no part whose CRC-64 OSS reports differently (I2)', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 2
        ? { type: 'replace', headers: { 'x-oss-hash-crc64ecma': '1' } }
        : undefined,
    )
    await expect(world.process().upload()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKSUM_MISMATCH',
    })
    expect(world.fs.text(`${world.path}.ucp`)).not.toContain('"number":2,')
    expect(count('CompleteMultipartUpload')).toBe(0)
  })

  it('counts a part without a server CRC-64 as done (I2)', async () => {
    world = await World.create(bytes, { crc64Headers: false })
    expect((await world.process().upload())?.outcome).toBe('completed')
  })

  it('reports progress that never goes back and ends at 100 % only when the object is checked', async () => {
    world = await World.create(bytes)
    const seen: UploadProgress[] = []
    await world.process().upload({ onProgress: (progress) => seen.push(progress) })
    const transferred = seen.map(({ transferredBytes }) => transferredBytes)
    expect(transferred).toEqual([...transferred].sort((a, b) => a - b))
    expect(seen.at(-1)).toMatchObject({ phase: 'completed', transferredBytes: bytes.length })
    const early = seen.filter(({ phase }) => phase !== 'completed')
    expect(early.every(({ transferredBytes }) => transferredBytes < bytes.length)).toBe(true)
  })

  it('is a success when the checkpoint cannot be removed: the object is stored', async () => {
    world = await World.create(bytes)
    world.fs.fail = ({ name, path }) =>
      name === 'unlink' && path.endsWith('.ucp') ? 'EACCES' : undefined
    const process = world.process()
    expect((await process.upload())?.outcome).toBe('completed')
    expect(process.events).toContainEqual({ type: 'checkpoint-left' })
    world.fs.fail = undefined
    // The next run finds it complete and sends nothing.
    const result = await world.process().upload()
    expect(result).toMatchObject({ outcome: 'completed-reconciled', sent: { parts: 0 } })
    expect(world.fs.list()).toEqual([world.path])
  })

  it.each(['close', 'readlink'])('is a success when "%s" fails at its very end', async (call) => {
    world = await World.create(bytes)
    let completed = false
    world.fs.fail = ({ name }) => (completed && name === call ? 'EIO' : undefined)
    const onProgress = ({ phase }: UploadProgress): void => {
      completed = phase === 'completed'
    }
    expect((await world.process().upload({ onProgress }))?.outcome).toBe('completed')
  })

  it('counts on from where it was when it has to start over', async () => {
    world = await World.create(bytes)
    let dropped = false
    world.oss.setFault((request) => {
      if (!dropped && request.partNumber === 5) {
        dropped = true
        world.oss.dropUpload(request.uploadId ?? '')
      }
      return undefined
    })
    const seen: number[] = []
    const onProgress = (progress: UploadProgress): void => void seen.push(progress.transferredBytes)
    await world.process().upload({ concurrency: 1, onProgress })
    expect(dropped).toBe(true)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  })

  it('publishes nothing once another process was given its lock', async () => {
    world = await World.create(bytes)
    const first = world.process()
    // The first process stands still for so long that it is taken for dead, and comes back before its last step.
    const upload = first.upload({
      concurrency: 1,
      onProgress: ({ partsDone, parts }) => {
        if (partsDone !== parts) return
        world.fs.delete(`${world.path}.ucp.lock`)
        void world.fs.symlink(
          JSON.stringify({ pid: 99, start: 's', host: 'other', scope: 'other', nonce: 'n' }),
          `${world.path}.ucp.lock`,
        )
      },
    })
    await expect(upload).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_LOCKED',
      message: expect.stringContaining('process 99 on other'),
    })
    expect(count('CompleteMultipartUpload')).toBe(0)
    expect(world.fs.list()).toContain(`${world.path}.ucp.lock`)
  })

  it('survives listeners that throw', async () => {
    world = await World.create(bytes)
    const broken = (): never => {
      throw new Error('listener')
    }
    const result = await world.process().upload({ onProgress: broken, onEvent: broken })
    expect(result?.outcome).toBe('completed')
  })
})

describe('a source that changes during the run (I7)', () => {
  it.each<[string, () => void]>([
    ['rewritten in place', () => world.fs.put(world.path, randomBytes(bytes.length, 3))],
    [
      'rewritten with its times set back',
      () => world.fs.put(world.path, randomBytes(bytes.length, 3), { keepTimes: true }),
    ],
    ['cut short', () => world.fs.put(world.path, bytes.subarray(0, partSize))],
    ['grown', () => world.fs.put(world.path, Buffer.concat([bytes, bytes]))],
    ['replaced', () => world.fs.put(world.path, randomBytes(bytes.length, 3), { replace: true })],
    ['removed', () => world.fs.delete(world.path)],
  ])(
    'is not published when it is %s, and the next run publishes what is there then',
    async (_, edit) => {
      world = await World.create(bytes)
      whenPart(4, edit)
      const first = world.process()
      await expect(first.upload({ concurrency: 1 })).rejects.toMatchObject({
        code: 'ERR_OSS_SOURCE_CHANGED',
        upload: { resumable: true },
      })
      await first.kill()
      expect(count('CompleteMultipartUpload')).toBe(0)
      expect(world.fs.openFiles).toBe(0)
      if (!world.fs.list().includes(world.path)) return
      const result = await world.process().upload()
      const file = await world.fs.readFile(world.path)
      expect(result?.size).toBe(file.byteLength)
      expect(world.stored()?.equals(file)).toBe(true)
    },
  )

  it('is noticed after the last part as well', async () => {
    world = await World.create(bytes)
    const process = world.process()
    const upload = process.upload({
      concurrency: 1,
      onProgress: ({ partsDone, parts }) => {
        if (partsDone === parts) world.fs.put(world.path, randomBytes(bytes.length, 4))
      },
    })
    await expect(upload).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE_CHANGED' })
    expect(count('CompleteMultipartUpload')).toBe(0)
  })

  it('is not published by PutObject either', async () => {
    const small = randomBytes(90_000)
    world = await World.create(small)
    const read = world.fs.open.bind(world.fs)
    world.fs.open = async (path, flags) => {
      const file = await read(path, flags)
      return {
        ...file,
        read: async (buffer, length, position) => {
          const got = await file.read(buffer, length, position)
          world.fs.put(world.path, randomBytes(90_000, 8))
          return got
        },
      }
    }
    await expect(world.process().upload()).rejects.toMatchObject({ code: 'ERR_OSS_SOURCE_CHANGED' })
    expect(world.stored()).toBeUndefined()
  })
})

describe('with oss:PutObject alone (I8)', () => {
  const denied = ['ListParts', 'HeadObject', 'AbortMultipartUpload', 'ListMultipartUploads']

  it('uploads, resumes and completes', async () => {
    world = await World.create(bytes, { denied })
    whenPart(4, () => world.fs.put(world.path, randomBytes(bytes.length, 6)))
    const first = world.process()
    await expect(first.upload({ concurrency: 1 })).rejects.toMatchObject({
      code: 'ERR_OSS_SOURCE_CHANGED',
    })
    await first.kill()
    world.fs.put(world.path, bytes)
    const result = await world.process().upload({ adopt: true })
    // The fourth was already being sent when the file was edited: its own bytes are the first ones or the others.
    expect(result?.resumed.parts).toBeGreaterThanOrEqual(3)
    expect(world.stored()?.equals(bytes)).toBe(true)
    expect(count('InitiateMultipartUpload')).toBe(1)
  })

  it('reports an upload id that it may not abort, and the first error stays the first', async () => {
    world = await World.create(bytes, { denied })
    world.oss.setFault((request) =>
      request.partNumber === 2
        ? { type: 'status', status: 400, code: 'InvalidArgument' }
        : undefined,
    )
    const error = await world
      .process()
      .upload({ checkpoint: false })
      .catch((error) => error)
    expect(error).toMatchObject({
      code: 'InvalidArgument',
      upload: { resumable: false, abandonedUploadIds: world.openUploadIds() },
    })
    expect(world.openUploadIds()).toHaveLength(1)
  })
})

describe('abandoned uploads (I9)', () => {
  it('aborts the upload of a run without a checkpoint that failed', async () => {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 2
        ? { type: 'status', status: 400, code: 'InvalidArgument' }
        : undefined,
    )
    await expect(world.process().upload({ checkpoint: false })).rejects.toThrow('InvalidArgument')
    expect(world.openUploadIds()).toEqual([])
    expect(world.fs.list()).toEqual([world.path])
  })

  it('aborts the upload when its checkpoint cannot be written', async () => {
    world = await World.create(bytes)
    world.fs.fail = ({ name, path }) =>
      name === 'write' && path.endsWith('.tmp') ? 'ENOSPC' : undefined
    await expect(world.process().upload()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      message: expect.stringContaining('ENOSPC'),
      upload: { resumable: false, abandonedUploadIds: [] },
    })
    expect(count('UploadPart')).toBe(0)
    expect(world.openUploadIds()).toEqual([])
    expect(world.fs.list()).toEqual([world.path])
  })

  it.each(['EACCES', 'EROFS', 'ENOSPC'])('finds %s before anything is initiated', async (code) => {
    world = await World.create(bytes)
    world.fs.fail = ({ name }) => (name === 'symlink' ? code : undefined)
    await expect(world.process().upload()).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
      hint: expect.stringContaining('--checkpoint'),
    })
    expect(world.oss.requests).toHaveLength(0)
  })

  it('stops when a part cannot be recorded, and keeps what was', async () => {
    world = await World.create(bytes)
    let writes = 0
    world.fs.fail = ({ name, path }) =>
      name === 'write' && path.endsWith('.ucp') && ++writes > 2 ? 'ENOSPC' : undefined
    const first = world.process()
    await expect(first.upload({ concurrency: 1 })).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_IO',
    })
    await first.kill()
    world.fs.fail = undefined
    const mark = world.oss.acknowledged.length
    await world.process().upload()
    // The third was acknowledged and not recorded: OSS's list knows it.
    expect(
      world.oss.acknowledged
        .slice(mark)
        .map((a) => a.partNumber)
        .sort(),
    ).toEqual([4, 5, 6])
  })

  it('records an upload id before it aborts it, and tries again when that failed', async () => {
    world = await World.create(bytes)
    whenPart(3, () => world.fs.put(world.path, bytes))
    const first = world.process()
    await expect(first.upload({ concurrency: 1 })).rejects.toThrow('changed')
    await first.kill()
    const [old = ''] = world.openUploadIds()
    world.oss.setFault((request) =>
      request.operation === 'AbortMultipartUpload' ||
      request.operation === 'InitiateMultipartUpload'
        ? { type: 'status', status: 500, code: 'InternalError' }
        : undefined,
    )
    const second = world.process()
    await expect(second.upload({ restart: true })).rejects.toMatchObject({ code: 'InternalError' })
    await second.kill()
    expect(world.fs.text(`${world.path}.ucp`)).toContain(`"type":"superseded","uploadId":"${old}"`)
    world.oss.setFault(undefined)
    const result = await world.process().upload()
    expect(result?.uploadId).not.toBe(old)
    expect(result?.abandonedUploadIds).toEqual([])
    expect(world.openUploadIds()).toEqual([])
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it('keeps an id that it could not abort in the next checkpoint, and reports it at the end', async () => {
    world = await World.create(bytes)
    whenPart(3, () => world.fs.put(world.path, bytes))
    const first = world.process()
    await expect(first.upload({ concurrency: 1 })).rejects.toThrow('changed')
    await first.kill()
    const [old = ''] = world.openUploadIds()
    world.oss.setDenied(['AbortMultipartUpload'])
    let checkpoint = ''
    whenPart(2, () => {
      checkpoint = world.fs.text(`${world.path}.ucp`)
    })
    const result = await world.process().upload({ restart: true })
    expect(checkpoint).toContain(`"type":"superseded","uploadId":"${old}"`)
    expect(result?.abandonedUploadIds).toEqual([old])
  })
})

describe('a checkpoint of another upload', () => {
  async function interrupted(): Promise<void> {
    world = await World.create(bytes)
    world.oss.setFault((request) =>
      request.partNumber === 3
        ? { type: 'status', status: 400, code: 'InvalidArgument' }
        : undefined,
    )
    const first = world.process()
    await expect(first.upload({ concurrency: 1 })).rejects.toThrow('InvalidArgument')
    await first.kill()
    world.oss.setFault(undefined)
  }

  it.each<[string, object, RegExp]>([
    [
      'key',
      { key: 'other' },
      /oss:\/\/examplebucket\/dir\/file\.bin, not oss:\/\/examplebucket\/other/,
    ],
    ['part size', { partSize: 204_800 }, /part size is 102400, not 204800/],
    ['headers', { headers: { 'Content-Type': 'text/plain' } }, /another Content-Type/],
  ])('is refused when the %s differs, and left as it is', async (_, change, message) => {
    await interrupted()
    const before = world.fs.text(`${world.path}.ucp`)
    const upload = world.process().upload(change)
    await expect(upload).rejects.toMatchObject({
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      message: expect.stringMatching(message),
      hint: expect.stringContaining('--restart'),
      upload: { resumable: false },
    })
    expect(world.fs.text(`${world.path}.ucp`)).toBe(before)
    expect(world.openUploadIds()).toHaveLength(1)
  })

  it('is given up with restart: its upload is aborted where it belongs', async () => {
    await interrupted()
    const [old = ''] = world.openUploadIds()
    const process = world.process()
    const result = await process.upload({ restart: true, key: 'other' })
    expect(result?.outcome).toBe('completed')
    expect(process.events).toContainEqual({
      type: 'superseded',
      uploadId: old,
      reason: 'restart',
      open: false,
    })
    expect(world.openUploadIds()).toEqual([])
    expect(world.oss.object(world.bucket, 'other')?.read().equals(bytes)).toBe(true)
  })

  it('keeps its own part size when none is asked for', async () => {
    await interrupted()
    const result = await world.process().upload({ partSize: undefined })
    expect(result?.parts).toBe(6)
    expect(result?.resumed.parts).toBe(2)
  })

  it('is set aside when it is not a checkpoint, never deleted', async () => {
    world = await World.create(bytes)
    world.fs.put(`${world.path}.ucp`, Buffer.from('\xac\xed\x00\x05 somebody else’s', 'latin1'))
    const process = world.process()
    await process.upload()
    const [event] = process.events
    expect(event).toMatchObject({ type: 'checkpoint-quarantined' })
    expect(world.fs.list()).toEqual([
      world.path,
      expect.stringMatching(/file\.bin\.ucp\.corrupt-\d{4}-\d\d-\d\dT/),
    ])
  })

  it('keeps its upload id at every instant while it is set aside', async () => {
    for (let index = 0; ; index++) {
      await interrupted()
      const [uploadId = ''] = world.openUploadIds()
      const path = `${world.path}.ucp`
      world.fs.put(path, Buffer.from(world.fs.text(path).replace('"number":1', '"number":9')))
      const crashed = world.process({ index, when: 'after' })
      await crashed.upload()
      await crashed.kill()
      if (crashed.effects.some((name) => name.startsWith('GET'))) break
      world.fs.powerFailure('durable')
      expect(world.fs.text(path), crashed.effects.at(-1)).toContain(uploadId)
      const result = await world.process().upload()
      expect(result?.uploadId).toBe(uploadId)
      await world.close()
    }
  })

  it('is used as far as it can be read when a line in its middle is damaged', async () => {
    await interrupted()
    const path = `${world.path}.ucp`
    const damaged = world.fs.text(path).replace('"number":1', '"number":9')
    world.fs.put(path, Buffer.from(damaged))
    const process = world.process()
    const mark = world.oss.acknowledged.length
    const result = await process.upload()
    expect(result?.outcome).toBe('completed')
    expect(process.events[0]).toMatchObject({
      type: 'checkpoint-quarantined',
      uploadId: result?.uploadId,
    })
    expect(
      world.oss.acknowledged
        .slice(mark)
        .map((a) => a.partNumber)
        .sort(),
    ).toEqual([3, 4, 5, 6])
  })
})

describe('two processes with one checkpoint', () => {
  it('started together end with one upload and one clear refusal', async () => {
    world = await World.create(bytes)
    const outcomes = await Promise.allSettled([world.process().upload(), world.process().upload()])
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(1)
    expect(refused[0]).toMatchObject({
      reason: {
        code: 'ERR_OSS_CHECKPOINT_LOCKED',
        message: expect.stringMatching(/process \d+ on host/),
      },
    })
    expect(world.oss.completed).toHaveLength(1)
    expect(count('InitiateMultipartUpload')).toBe(1)
    expect(world.fs.list()).toEqual([world.path])
  })

  it('takes over the lock of a dead process', async () => {
    world = await World.create(bytes)
    const first = world.process()
    whenPart(3, () => void first.kill())
    expect(await first.upload()).toBeUndefined()
    expect(world.fs.list()).toContain(`${world.path}.ucp.lock`)
    const result = await world.process().upload()
    expect(result?.outcome).toBe('completed')
    expect(world.fs.list()).toEqual([world.path])
  })
})

describe('cancellation (I11)', () => {
  it('rejects with the signal’s reason, keeps the checkpoint, and nothing runs afterwards', async () => {
    world = await World.create(bytes)
    const controller = new AbortController()
    const reason = new Error('enough')
    whenPart(3, () => controller.abort(reason))
    const process = world.process()
    const upload = process.upload({ signal: controller.signal })
    await expect(upload).rejects.toBe(reason)
    const effects = process.effects.length
    expect(world.fs.openFiles).toBe(0)
    expect(world.fs.list()).toEqual([world.path, `${world.path}.ucp`])
    await new Promise((resolve) => setImmediate(resolve))
    expect(process.effects.length).toBe(effects)
    const result = await world.process().upload()
    expect(result?.resumed.parts).toBeGreaterThan(0)
    expect(world.stored()?.equals(bytes)).toBe(true)
  })

  it("aborts the upload and removes the checkpoint under onAbort: 'discard'", async () => {
    world = await World.create(bytes)
    const controller = new AbortController()
    whenPart(3, () => controller.abort(cancelled))
    const upload = world.process().upload({ signal: controller.signal, onAbort: 'discard' })
    await expect(upload).rejects.toBe(cancelled)
    expect(world.openUploadIds()).toEqual([])
    expect(world.fs.list()).toEqual([world.path])
  })

  it('keeps the record when a discarded upload cannot be aborted', async () => {
    world = await World.create(bytes, { denied: ['AbortMultipartUpload'] })
    const controller = new AbortController()
    whenPart(3, () => controller.abort(cancelled))
    const process = world.process()
    const upload = process.upload({ signal: controller.signal, onAbort: 'discard' })
    await expect(upload).rejects.toBe(cancelled)
    const [uploadId = ''] = world.openUploadIds()
    expect(world.fs.text(`${world.path}.ucp`)).toContain(
      `"type":"superseded","uploadId":"${uploadId}"`,
    )
    expect(process.events).toContainEqual({
      type: 'superseded',
      uploadId,
      reason: 'cancelled',
      open: true,
    })
  })

  it('does not even open the file when it was cancelled before', async () => {
    world = await World.create(bytes)
    const reason = new Error('before')
    const upload = world.process().upload({ signal: AbortSignal.abort(reason) })
    await expect(upload).rejects.toBe(reason)
    expect(world.oss.requests).toHaveLength(0)
  })

  it('never loses an upload id to a cancellation during Initiate', async () => {
    world = await World.create(bytes)
    const controller = new AbortController()
    world.oss.setFault((request) => {
      if (request.operation === 'InitiateMultipartUpload') controller.abort(cancelled)
      return undefined
    })
    const upload = world.process().upload({ signal: controller.signal })
    await expect(upload).rejects.toBe(cancelled)
    const [uploadId] = world.openUploadIds()
    expect(world.fs.text(`${world.path}.ucp`)).toContain(`"uploadId":"${uploadId}"`)
    expect(count('UploadPart')).toBe(0)
  })

  it('removes its listener from a signal that outlives the upload', async () => {
    world = await World.create(bytes)
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
    await world.process().upload({ signal })
    expect(listeners).toBe(0)
  })

  it('closes the source when the checkpoint is refused', async () => {
    world = await World.create(bytes)
    world.fs.fail = ({ name }) => (name === 'symlink' ? 'EIO' : undefined)
    await expect(world.process().upload()).rejects.toThrow(errno('EIO').code ?? '')
    expect(world.fs.openFiles).toBe(0)
  })
})
