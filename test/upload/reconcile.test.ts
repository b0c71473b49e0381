import { describe, expect, it } from 'vitest'
import { planParts } from '../../src/upload/plan.js'
import { type RecordedPart, reconcileParts, type ServerPart } from '../../src/upload/reconcile.js'

const partSize = 102_400
/** Two whole parts and a short one. */
const plan = planParts(2 * partSize + 10, partSize)
const md5 = 'd41d8cd98f00b204e9800998ecf8427e'
const recorded: RecordedPart = { size: partSize, crc64: '111', etag: 'ETAG' }
const listed: ServerPart = { size: partSize, etag: 'ETAG', crc64: '111' }

const first = { number: 1 }
const none = { keep: [], verify: [], lost: [] }
const fromJournal = { ...first, etag: 'ETAG', expect: { crc64: '111' }, recorded: true }

interface Row {
  readonly what: string
  readonly recorded?: RecordedPart
  /** `denied`: OSS does not let us list; absent: it lists other parts only. */
  readonly listed?: ServerPart | 'denied'
  readonly trusted?: boolean
  readonly keep?: number[]
  readonly verify?: object[]
  readonly lost?: number[]
}

const rows: Row[] = [
  { what: 'unknown to both' },
  { what: 'unknown to the journal, and no list', listed: 'denied' },
  { what: 'trusted though nobody knows it', trusted: true },
  { what: 'trusted though nobody knows it, and no list', listed: 'denied', trusted: true },
  { what: 'recorded, and no list (I8)', recorded, listed: 'denied', verify: [fromJournal] },
  {
    what: 'recorded and trusted, and no list',
    recorded,
    listed: 'denied',
    trusted: true,
    keep: [1],
  },
  {
    what: 'recorded with another size, and no list',
    recorded: { ...recorded, size: 1 },
    listed: 'denied',
  },
  {
    what: 'recorded with another size, trusted',
    recorded: { ...recorded, size: 1 },
    listed: 'denied',
    trusted: true,
  },
  { what: 'recorded and listed alike', recorded, listed, verify: [fromJournal] },
  { what: 'recorded and listed alike, trusted', recorded, listed, trusted: true, keep: [1] },
  {
    what: 'recorded and listed without CRC-64',
    recorded,
    listed: { size: partSize, etag: 'ETAG' },
    verify: [fromJournal],
  },
  { what: 'recorded and lost', recorded, lost: [1] },
  { what: 'recorded, trusted and lost', recorded, trusted: true, lost: [1] },
  {
    what: 'listed with another CRC-64 than recorded: OSS is the one who completes it',
    recorded,
    listed: { ...listed, crc64: '222' },
    trusted: true,
    verify: [{ ...first, etag: 'ETAG', expect: { crc64: '222' }, recorded: false }],
  },
  {
    what: 'listed with another ETag than recorded',
    recorded,
    listed: { ...listed, etag: 'OTHER' },
    trusted: true,
    verify: [{ ...first, etag: 'OTHER', expect: { crc64: '111' }, recorded: false }],
  },
  {
    what: 'listed with another ETag that says nothing of the bytes',
    recorded,
    listed: { size: partSize, etag: 'OTHER' },
    lost: [1],
  },
  {
    what: 'listed with another size than planned',
    recorded,
    listed: { ...listed, size: partSize - 1 },
    lost: [1],
  },
  {
    what: 'listed alone with another size than planned',
    listed: { ...listed, size: partSize + 1 },
  },
  {
    what: 'recorded with another size, listed with the right one',
    recorded: { ...recorded, size: 1 },
    listed,
    trusted: true,
    verify: [{ ...fromJournal, recorded: false }],
  },
  {
    what: 'listed alone (acknowledged, then crashed)',
    listed,
    verify: [{ ...fromJournal, recorded: false }],
  },
  {
    what: 'listed alone, without CRC-64, with an MD5 for an ETag',
    listed: { size: partSize, etag: md5 },
    verify: [{ ...first, etag: md5, expect: { md5: md5.toUpperCase() }, recorded: false }],
  },
  {
    what: 'listed alone with both: the CRC-64 is cheaper',
    listed: { size: partSize, etag: md5, crc64: '5' },
    verify: [{ ...first, etag: md5, expect: { crc64: '5' }, recorded: false }],
  },
  {
    what: 'listed alone with an ETag one digit short of an MD5',
    listed: { size: partSize, etag: md5.slice(1) },
  },
  {
    what: 'listed alone with an ETag one digit longer than an MD5',
    listed: { size: partSize, etag: `${md5}0` },
  },
  {
    what: 'listed alone with an ETag of a bucket that encrypts with KMS',
    listed: { size: partSize, etag: `${md5.slice(1)}x` },
  },
]

describe('a part that is', () => {
  it.each(rows)('$what', ({ recorded, listed, trusted, keep = [], verify = [], lost = [] }) => {
    const result = reconcileParts(
      plan,
      new Map(recorded && [[1, recorded]]),
      listed === 'denied' ? undefined : new Map(listed && [[1, listed]]),
      new Set(trusted ? [1] : []),
    )
    const send = keep.length + verify.length > 0 ? [2, 3] : [1, 2, 3]
    expect(result).toEqual({ keep, verify, send, lost })
  })
})

describe('reconcileParts', () => {
  it('sends everything when nothing is known', () => {
    expect(reconcileParts(plan, new Map(), new Map(), new Set())).toEqual({
      ...none,
      send: [1, 2, 3],
    })
  })

  it('has nothing to do for an empty plan', () => {
    expect(reconcileParts(planParts(0), new Map([[1, recorded]]), undefined, new Set([1]))).toEqual(
      { ...none, send: [] },
    )
  })

  it('takes the last part by its own size', () => {
    const last = { ...recorded, size: 10 }
    const whole = reconcileParts(plan, new Map([[3, recorded]]), undefined, new Set([3]))
    expect(whole.send).toEqual([1, 2, 3])
    expect(reconcileParts(plan, new Map([[3, last]]), undefined, new Set([3])).keep).toEqual([3])
  })

  it('takes any subset, gaps included', () => {
    const result = reconcileParts(
      plan,
      new Map([
        [3, { ...recorded, size: 10 }],
        [1, recorded],
      ]),
      undefined,
      new Set([3]),
    )
    expect(result).toEqual({ keep: [3], verify: [fromJournal], send: [2], lost: [] })
  })

  it.each([0, 4, 5, 10_000, 10_001, -1])(
    'ignores a stray part %d, which the plan does not have',
    (number) => {
      const result = reconcileParts(
        plan,
        new Map([[number, recorded]]),
        new Map([[number, listed]]),
        new Set([number]),
      )
      expect(result).toEqual({ ...none, send: [1, 2, 3] })
    },
  )
})
