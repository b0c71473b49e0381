import { describe, expect, it } from 'vitest'
import { crc64 } from '../../src/primitives/crc64.js'
import { Checkpoint } from '../../src/upload/checkpoint.js'
import type { CheckpointSession } from '../../src/upload/checkpoint-store.js'
import {
  encodeEntry,
  encodeHeader,
  type JournalHeader,
  parseJournal,
} from '../../src/upload/journal.js'

const source = { dev: '1', ino: '2', size: '300000', mtimeNs: '3', ctimeNs: '4' }
const laterSource = { ...source, mtimeNs: '5', ctimeNs: '6' }
const header: JournalHeader = {
  bucket: 'examplebucket',
  key: 'dir/file.bin',
  service: 'region cn-hangzhou',
  uploadId: 'UPLOAD-1',
  partSize: 102_400,
  settings: {},
  source,
  createdAt: '2025-01-02T03:04:05.678Z',
}
const part = (number: number, crc = String(number)) => ({
  number,
  size: 102_400,
  crc64: crc,
  etag: `E${number}`,
})
const given = (uploadId: string) => ({
  uploadId,
  bucket: 'examplebucket',
  key: 'dir/file.bin',
  service: 'region cn-hangzhou',
  reason: 'restart',
})
const numbers = ({ parts }: Checkpoint): number[] => [...parts.values()].map((part) => part.number)

const completing = { size: 300_000, crc64: '42' }

/** A journal in memory that writes down what is asked of it. */
class MemorySession implements CheckpointSession {
  text: string | undefined
  quarantined: string | undefined
  readonly calls: string[] = []
  fail: ((call: string) => boolean) | undefined

  constructor(text?: string) {
    this.text = text
  }

  #call(call: string): void {
    this.calls.push(call)
    if (this.fail?.(call)) throw new Error(`${call} failed`)
  }

  async load(): Promise<Uint8Array | undefined> {
    this.#call('load')
    return this.text === undefined ? undefined : Buffer.from(this.text)
  }

  async replace(text: string): Promise<void> {
    this.#call('replace')
    this.text = text
  }

  async append(line: string, durable: boolean): Promise<void> {
    this.#call(durable ? 'append durably' : 'append')
    this.text = (this.text ?? '') + line
  }

  async quarantine(): Promise<string> {
    this.#call('quarantine')
    this.quarantined = this.text
    this.text = undefined
    return '/data/x.ucp.corrupt-now'
  }

  async remove(): Promise<void> {
    this.#call('remove')
    this.text = undefined
  }

  async release(): Promise<void> {
    this.#call('release')
  }
}

const open = (session: CheckpointSession | undefined): Promise<Checkpoint> =>
  Checkpoint.open(session, '/data/x.ucp')

/** What the next run would find. */
async function reopened(session: MemorySession): Promise<Checkpoint> {
  expect(parseJournal(Buffer.from(session.text ?? '')).state).toBe('intact')
  return open(new MemorySession(session.text))
}

/** All that a checkpoint says. */
function said(checkpoint: Checkpoint): object {
  return {
    upload: checkpoint.upload,
    source: checkpoint.source,
    parts: [...checkpoint.parts.values()].sort((a, b) => a.number - b.number),
    current: [...checkpoint.current].sort(),
    completing: checkpoint.completing,
    completingIsCurrent: checkpoint.completingIsCurrent,
    superseded: checkpoint.superseded,
  }
}

const nothing = {
  upload: undefined,
  source: undefined,
  parts: [],
  current: [],
  completing: undefined,
  completingIsCurrent: false,
  superseded: [],
}

/** Parts of two states of the source, and everything else there is. */
const whole = [
  encodeHeader(header),
  encodeEntry({ type: 'superseded', ...given('UPLOAD-0') }),
  encodeEntry({ type: 'part', ...part(1) }),
  encodeEntry({ type: 'part', ...part(2) }),
  encodeEntry({ type: 'source', ...laterSource }),
  encodeEntry({ type: 'part', ...part(2, '22') }),
  encodeEntry({ type: 'part', ...part(3) }),
  encodeEntry({ type: 'completing', ...completing }),
]
const wholeSaid = {
  upload: header,
  source: laterSource,
  parts: [part(1), part(2, '22'), part(3)],
  current: [2, 3],
  completing,
  completingIsCurrent: true,
  superseded: [given('UPLOAD-0')],
}

describe('opening', () => {
  it('without a session remembers in memory only', async () => {
    const checkpoint = await open(undefined)
    expect(checkpoint.isKept).toBe(false)
    expect(said(checkpoint)).toEqual(nothing)
    await checkpoint.begin(header)
    await checkpoint.recordPart(part(1))
    await checkpoint.recordCompleting(completing)
    expect(said(checkpoint)).toMatchObject({
      upload: header,
      parts: [part(1)],
      current: [1],
      completing,
    })
    await checkpoint.supersede(given('UPLOAD-1'))
    expect(checkpoint.upload).toBeUndefined()
    await checkpoint.remove()
    await checkpoint.release()
  })

  it('without a journal writes nothing', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    expect(checkpoint.isKept).toBe(true)
    expect(said(checkpoint)).toEqual(nothing)
    expect(checkpoint.quarantined).toBeUndefined()
    expect(session.calls).toEqual(['load'])
  })

  it('an intact journal writes nothing', async () => {
    const session = new MemorySession(whole.join(''))
    const checkpoint = await open(session)
    expect(said(checkpoint)).toEqual(wholeSaid)
    expect(session.calls).toEqual(['load'])
  })

  it('a torn journal drops the line that was cut off, and makes the next line readable', async () => {
    const session = new MemorySession(whole.join('').slice(0, -5))
    const checkpoint = await open(session)
    const expected = { ...wholeSaid, completing: undefined, completingIsCurrent: false }
    expect(said(checkpoint)).toEqual(expected)
    expect(checkpoint.quarantined).toBeUndefined()
    expect(session.calls).toEqual(['load', 'replace'])
    await checkpoint.recordPart(part(4))
    const next = await reopened(session)
    expect(said(next)).toEqual({
      ...expected,
      parts: [...wholeSaid.parts, part(4)],
      current: [2, 3, 4],
    })
  })

  it('a damaged journal sets it aside and writes anew what can be trusted', async () => {
    const damaged = [...whole]
    damaged[6] = damaged[6]?.replace('E3', 'E4') ?? ''
    const session = new MemorySession(damaged.join(''))
    const checkpoint = await open(session)
    const expected = { ...wholeSaid, parts: [part(1), part(2, '22')], current: [2] }
    expect(said(checkpoint)).toEqual(expected)
    expect(checkpoint.quarantined).toBe('/data/x.ucp.corrupt-now')
    expect(session.quarantined).toBe(damaged.join(''))
    expect(session.calls).toEqual(['load', 'quarantine', 'replace'])
    expect(said(await reopened(session))).toEqual(expected)
  })

  it.each([
    ['an empty file', ''],
    ['something else', 'hello\n'],
    ['a first line that was cut off', whole[0]?.slice(0, -2) ?? ''],
  ])('%s sets it aside and knows nothing', async (_, text) => {
    const session = new MemorySession(text)
    const checkpoint = await open(session)
    expect(said(checkpoint)).toEqual(nothing)
    expect(checkpoint.quarantined).toBe('/data/x.ucp.corrupt-now')
    expect(session.quarantined).toBe(text)
    expect(session.calls).toEqual(['load', 'quarantine'])
  })

  it('the format of a later version is refused, and left as it is', async () => {
    const body = '{"type":"ossup-checkpoint","version":2'
    const sum = crc64(Buffer.from(body)).toString(16).padStart(16, '0')
    const text = `${body},"sum":"${sum}"}\n`
    const session = new MemorySession(text)
    await expect(open(session)).rejects.toMatchObject({
      name: 'OssError',
      code: 'ERR_OSS_CHECKPOINT_MISMATCH',
      message: 'the checkpoint /data/x.ucp has format version 2, and this ossup knows version 1',
      hint: 'use the ossup that wrote it, or another checkpoint',
    })
    expect(session.text).toBe(text)
    expect(session.calls).toEqual(['load'])
  })

  it.each(['load', 'quarantine', 'replace'])(
    'passes on what goes wrong with %s',
    async (failing) => {
      const session = new MemorySession(whole.join('').replace('E3', 'E4'))
      session.fail = (call) => call === failing
      await expect(open(session)).rejects.toThrow(`${failing} failed`)
    },
  )
})

describe('writing a torn journal anew', () => {
  it('does not make parts current that were recorded before the source changed', async () => {
    for (let lines = 1; lines <= whole.length; lines++) {
      const intact = await open(new MemorySession(whole.slice(0, lines).join('')))
      const session = new MemorySession(`${whole.slice(0, lines).join('')}{"type":"pa`)
      const torn = await open(session)
      expect(said(torn), `${lines} lines`).toEqual(said(intact))
      expect(said(await reopened(session)), `${lines} lines`).toEqual(said(intact))
    }
  })

  it('keeps a completion of an earlier state of the source apart from one of the present state', async () => {
    const text = [
      encodeHeader(header),
      encodeEntry({ type: 'completing', ...completing }),
      encodeEntry({ type: 'source', ...laterSource }),
    ].join('')
    const session = new MemorySession(`${text}{`)
    await open(session)
    const again = await reopened(session)
    expect(again.completing).toEqual(completing)
    expect(again.completingIsCurrent).toBe(false)
    await again.recordCompleting(completing)
    expect(again.completingIsCurrent).toBe(true)
  })
})

describe('begin() (I1)', () => {
  it('replaces the journal as a whole and forgets what was about another upload', async () => {
    const session = new MemorySession(whole.join(''))
    const checkpoint = await open(session)
    const next = { ...header, uploadId: 'UPLOAD-2' }
    await checkpoint.begin(next)
    expect(session.calls).toEqual(['load', 'replace'])
    const expected = { ...nothing, upload: next, source, superseded: [given('UPLOAD-0')] }
    expect(said(checkpoint)).toEqual(expected)
    expect(said(await reopened(session))).toEqual(expected)
  })

  it('fails when the journal cannot be written', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    session.fail = () => true
    await expect(checkpoint.begin(header)).rejects.toThrow('replace failed')
  })
})

describe('what is recorded', () => {
  it('is found by the next run, in whatever state this one ends', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    const steps: (() => Promise<void>)[] = [
      () => checkpoint.begin(header),
      () => checkpoint.recordPart(part(2)),
      () => checkpoint.recordPart(part(1)),
      () => checkpoint.sourceIs(laterSource),
      () => checkpoint.recordVerified(part(1)),
      () => checkpoint.recordPart(part(2, '22')),
      () => checkpoint.recordCompleting(completing),
      () => checkpoint.supersede(given('UPLOAD-1')),
    ]
    for (const step of steps) {
      await step()
      expect(said(await reopened(session))).toEqual(said(checkpoint))
    }
    expect(session.calls).toEqual([
      'load',
      'replace',
      ...Array<string>(5).fill('append'),
      'append durably',
      'append durably',
    ])
  })

  it('makes a part current; a new source makes none of them current', async () => {
    const checkpoint = await open(new MemorySession())
    await checkpoint.begin(header)
    await checkpoint.recordPart(part(1))
    expect([...checkpoint.current]).toEqual([1])
    await checkpoint.sourceIs(laterSource)
    expect([...checkpoint.current]).toEqual([])
    expect(numbers(checkpoint)).toEqual([1])
    expect(checkpoint.source).toEqual(laterSource)
  })

  it('is not recorded again when a part was verified that is current', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    await checkpoint.begin(header)
    await checkpoint.recordPart(part(1))
    const before = session.text
    await checkpoint.recordVerified(part(1))
    expect(session.text).toBe(before)
  })
})

describe('an upload that is given up (I9)', () => {
  it('is durably marked before anything is done about it, and is no longer the upload', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    await checkpoint.begin(header)
    await checkpoint.supersede(given('UPLOAD-1'))
    expect(session.calls.at(-1)).toBe('append durably')
    expect(checkpoint.upload).toBeUndefined()
    expect(checkpoint.superseded).toEqual([given('UPLOAD-1')])
    expect((await reopened(session)).upload).toBeUndefined()
  })

  it('stays recorded in the next journal while it is not known to be gone', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    await checkpoint.begin(header)
    await checkpoint.supersede(given('UPLOAD-1'))
    await checkpoint.begin({ ...header, uploadId: 'UPLOAD-2' })
    const next = await reopened(session)
    expect(next.upload?.uploadId).toBe('UPLOAD-2')
    expect(next.superseded).toEqual([given('UPLOAD-1')])
  })

  it('is left out of the next journal when it is known to be gone', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    await checkpoint.begin(header)
    await checkpoint.supersede(given('UPLOAD-1'))
    checkpoint.settled('UPLOAD-1')
    expect(checkpoint.superseded).toEqual([])
    // Until then its mark stays: it must not count as usable again.
    expect(checkpoint.upload).toBeUndefined()
    expect((await reopened(session)).upload).toBeUndefined()
    await checkpoint.begin({ ...header, uploadId: 'UPLOAD-2' })
    expect(session.text).not.toContain('UPLOAD-1')
    expect((await reopened(session)).upload?.uploadId).toBe('UPLOAD-2')
  })

  it('is told apart from others: settling one keeps the rest', async () => {
    const session = new MemorySession(whole.join(''))
    const checkpoint = await open(session)
    await checkpoint.supersede(given('UPLOAD-1'))
    checkpoint.settled('UPLOAD-0')
    checkpoint.settled('UNKNOWN')
    expect(checkpoint.superseded).toEqual([given('UPLOAD-1')])
    await checkpoint.begin({ ...header, uploadId: 'UPLOAD-2' })
    expect((await reopened(session)).superseded).toEqual([given('UPLOAD-1')])
  })

  it('before there is a journal is written with its first line', async () => {
    const session = new MemorySession()
    const checkpoint = await open(session)
    await checkpoint.supersede(given('UPLOAD-0'))
    expect(session.text).toBeUndefined()
    await checkpoint.begin(header)
    expect((await reopened(session)).superseded).toEqual([given('UPLOAD-0')])
  })

  it('may be another one than the upload that goes on', async () => {
    const checkpoint = await open(new MemorySession(whole.join('')))
    expect(checkpoint.upload).toEqual(header)
    expect(checkpoint.superseded).toEqual([given('UPLOAD-0')])
  })
})

describe('the end', () => {
  it('removes the journal, and then there is no upload', async () => {
    const session = new MemorySession(whole.join(''))
    const checkpoint = await open(session)
    await checkpoint.remove()
    await checkpoint.release()
    expect(checkpoint.upload).toBeUndefined()
    expect(session.calls.slice(1)).toEqual(['remove', 'release'])
  })
})

describe('the checkpoint of several workers', () => {
  it('takes over what they record in one durable replacement, and says what is about the source as it is now', async () => {
    const session = new MemorySession(
      encodeHeader(header) + encodeEntry({ type: 'part', ...part(1) }),
    )
    const checkpoint = await Checkpoint.open(session, 'x')
    expect(checkpoint.isShared).toBe(false)
    const parts = new Map([2, 3].map((number) => [number, part(number)]))
    await checkpoint.absorb(laterSource, { parts, current: new Set([3]) }, false)
    expect(checkpoint.isShared).toBe(true)
    expect(session.calls.filter((call) => call !== 'load')).toEqual(['replace'])
    const again = await Checkpoint.open(new MemorySession(session.text), 'x')
    expect(numbers(again)).toEqual([1, 2, 3])
    expect([...again.current]).toEqual([3])
    expect(again.source).toEqual(laterSource)
  })

  it('leaves a marker when it is concluded, which is no upload to be continued or aborted', async () => {
    const session = new MemorySession(
      encodeHeader(header) + encodeEntry({ type: 'part', ...part(1) }),
    )
    const checkpoint = await Checkpoint.open(session, 'x')
    await checkpoint.absorb(laterSource, { parts: new Map(), current: new Set() }, false)
    await checkpoint.recordCompleting(completing)
    await checkpoint.conclude()
    for (const each of [checkpoint, await Checkpoint.open(new MemorySession(session.text), 'x')]) {
      expect(each.upload).toBeUndefined()
      expect(each.superseded).toEqual([])
      expect(each.concluded).toMatchObject({
        header: { uploadId: 'UPLOAD-1' },
        source: laterSource,
      })
      expect(each.concluded?.completing).toEqual(completing)
    }
    expect(session.text?.split('\n')).toHaveLength(4)
  })

  it('is removed where nothing was completed', async () => {
    const session = new MemorySession(encodeHeader(header))
    const checkpoint = await Checkpoint.open(session, 'x')
    await checkpoint.conclude()
    expect(session.calls).toContain('remove')
    expect(checkpoint.concluded).toBeUndefined()
  })

  it('loses the marker to the next upload', async () => {
    const session = new MemorySession(encodeHeader(header))
    const checkpoint = await Checkpoint.open(session, 'x')
    await checkpoint.recordCompleting(completing)
    await checkpoint.conclude()
    await checkpoint.begin({ ...header, uploadId: 'UPLOAD-2' })
    const again = await Checkpoint.open(new MemorySession(session.text), 'x')
    expect(again.upload?.uploadId).toBe('UPLOAD-2')
    expect(again.concluded).toBeUndefined()
  })
})
