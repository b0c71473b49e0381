import { describe, expect, it } from 'vitest'
import {
  callbackWords,
  partsDiffer,
  partsLost,
  stillOpen,
  wordsFor,
} from '../../src/cli/event-words.js'
import type { UploadFileResult } from '../../src/upload/result.js'

describe('wordsFor', () => {
  it.each([
    [{ type: 'degraded', operation: 'ListParts', consequence: 'c' } as const, 'note', 'ListParts'],
    [{ type: 'checkpoint-quarantined', path: 'p', uploadId: 'U' } as const, 'warning', 'upload U'],
    [{ type: 'resume', uploadId: 'U', parts: 1 } as const, 'note', 'has 1 part'],
    [{ type: 'resume', uploadId: 'U', parts: 2 } as const, 'note', 'has 2 parts'],
    [{ type: 'source-differs', path: 'p' } as const, 'warning', 'p is not as it was'],
    [
      { type: 'superseded', uploadId: 'U', reason: 'r', open: false } as const,
      'note',
      'U was aborted',
    ],
    [
      { type: 'found', uploadId: 'U', matchingBytes: 1024, adopted: true } as const,
      'note',
      '1.0 KiB: continuing',
    ],
    [
      { type: 'found', uploadId: 'U', matchingBytes: 0, adopted: false } as const,
      'note',
      'left alone',
    ],
    [{ type: 'reconcile', result: 'stored' } as const, 'note', 'is stored'],
    [{ type: 'reconcile', result: 'unknown' } as const, 'warning', 'did not tell'],
    [{ type: 'part-found', partNumber: 3 } as const, 'note', 'OSS has part 3 already'],
    [{ type: 'repair', partNumber: 3 } as const, 'warning', 'part 3'],
  ])('%j is a %s', (event, kind, text) => {
    expect(wordsFor(event)).toEqual({ kind, text: expect.stringContaining(text) })
  })

  it('leaves to others what is said together or at the end', () => {
    expect(wordsFor({ type: 'part-differs', partNumber: 1 })).toBeUndefined()
    expect(wordsFor({ type: 'part-lost', partNumber: 1 })).toBeUndefined()
    expect(wordsFor({ type: 'superseded', uploadId: 'U', reason: 'r', open: true })).toBeUndefined()
  })
})

describe('callbackWords', () => {
  const result: UploadFileResult = {
    etag: 'E',
    crc64: '1',
    size: 1,
    parts: 1,
    resumed: { parts: 0, bytes: 0 },
    sent: { parts: 1, bytes: 1 },
    outcome: 'completed',
    abandonedUploadIds: [],
  }

  it('are none without a callback', () => {
    expect(callbackWords(result)).toBeUndefined()
  })

  it('show the reply', () => {
    expect(callbackWords({ ...result, callback: { status: 200, body: 'OK' } })).toEqual({
      ...{ kind: 'note', text: 'the callback server answered OK' },
    })
  })

  it('warn of a failure, with or without a reason', () => {
    const failed = { ...result, outcome: 'completed-callback-failed' } as const
    const text = 'the object is stored, and its callback server did not accept the callback'
    expect(callbackWords(failed)).toEqual({ kind: 'warning', text })
    const callback = { status: 203, body: '', message: 'status 502' }
    expect(callbackWords({ ...failed, callback })).toEqual({
      ...{ kind: 'warning', text: `${text}: status 502` },
    })
  })
})

describe('lists of parts', () => {
  it.each([
    [[7], 'part 7 differs from the source and is sent again'],
    [[2, 1], 'parts 1-2 differ from the source and are sent again'],
    [[9, 3, 4, 5, 1], 'parts 1, 3-5, 9 differ from the source and are sent again'],
  ])('%j', (numbers, text) => {
    expect(partsDiffer(numbers)).toEqual({ kind: 'warning', text })
  })

  it('stays a line when there are many', () => {
    const odd = Array.from({ length: 5_000 }, (_, index) => 2 * index + 1)
    expect(partsLost(odd).text).toBe(
      'OSS no longer has parts 1, 3, 5, 7, 9, 11, 13, 15, ... (5000 in all): they are sent again',
    )
  })
})

describe('stillOpen', () => {
  it('says what it costs', () => {
    expect(stillOpen('U').text).toContain('billed')
  })
})
