// Owns the input of the fuzz tests: bytes that are nearly right, and what must hold of everything that is made of them.

import fc from 'fast-check'
import { expect } from 'vitest'

/** `FUZZ=100000` for more runs of each property; `SEED=...` repeats a walk that failed. */
export function fuzzLength(usual: number): { numRuns: number; seed?: number } {
  const { FUZZ, SEED } = process.env
  return {
    numRuns: Number(FUZZ ?? usual),
    ...(SEED !== undefined && { seed: Number(SEED) }),
  }
}

/** A test with more runs than usual may take its time: 20 ms for each. */
export const fuzzTimeout: number = 60_000 + 20 * Number(process.env['FUZZ'] ?? 0)

/** Where in something of any length: a fraction of it, so that one step fits every document and shrinks well. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

const at = (fraction: number, length: number): number => Math.floor(fraction * length)

type Step =
  | { readonly kind: 'flip'; readonly where: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly where: number; readonly length: number }
  | { readonly kind: 'end'; readonly where: number }
  | { readonly kind: 'put'; readonly where: number; readonly over: number; readonly bytes: Buffer }
  | { readonly kind: 'drop' | 'double' | 'swap'; readonly where: number; readonly other: number }
  | { readonly kind: 'replace'; readonly where: number; readonly bytes: Buffer }

export interface Grammar {
  /** The pieces that can change places: tags and texts, or lines. Joined they are the whole. */
  readonly split: (bytes: Buffer) => readonly Buffer[]
  /** What a decoder looks for, and what it must not trip over. */
  readonly tokens: readonly (string | Uint8Array)[]
}

/** Tags and the texts between them; bytes as characters, so that broken UTF-8 stays as broken as it is. */
export function splitTags(bytes: Buffer): readonly Buffer[] {
  const pieces = bytes.toString('latin1').match(/<[^>]*>|[^<]+|</g) ?? []
  return pieces.map((piece) => Buffer.from(piece, 'latin1'))
}

export function splitLines(bytes: Buffer): readonly Buffer[] {
  const lines = bytes.toString('latin1').match(/[^\n]*\n|[^\n]+/g) ?? []
  return lines.map((line) => Buffer.from(line, 'latin1'))
}

function apply(bytes: Buffer, step: Step, { split }: Grammar): Buffer {
  const start = at(step.where, bytes.length)
  switch (step.kind) {
    case 'flip': {
      const flipped = Buffer.from(bytes)
      if (bytes.length > 0) flipped[start] = (flipped[start] ?? 0) ^ (1 << step.bit)
      return flipped
    }
    case 'cut':
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + step.length)])
    case 'end':
      return bytes.subarray(0, start)
    case 'put':
      return Buffer.concat([
        bytes.subarray(0, start),
        step.bytes,
        bytes.subarray(start + step.over),
      ])
    case 'replace':
    case 'drop':
    case 'double':
    case 'swap': {
      const pieces = [...split(bytes)]
      const one = at(step.where, pieces.length)
      const piece = pieces[one] ?? Buffer.alloc(0)
      if (step.kind === 'replace') pieces[one] = step.bytes
      else if (step.kind === 'drop') pieces.splice(one, 1)
      else if (step.kind === 'double') pieces.splice(at(step.other, pieces.length), 0, piece)
      else {
        const two = at(step.other, pieces.length)
        pieces[one] = pieces[two] ?? piece
        pieces[two] = piece
      }
      return Buffer.concat(pieces)
    }
  }
}

/** One of `documents`, changed in up to five places. */
export function mutated(
  documents: readonly Uint8Array[],
  grammar: Grammar,
): fc.Arbitrary<Uint8Array> {
  const bytes = fc.oneof(
    fc.constantFrom(...grammar.tokens).map((token) => Buffer.from(token as string)),
    fc.uint8Array({ maxLength: 6 }).map((random) => Buffer.from(random)),
  )
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), where: place, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('cut' as const), where: place, length: fc.nat(40) }),
    fc.record({ kind: fc.constant('end' as const), where: place }),
    fc.record({ kind: fc.constant('put' as const), where: place, over: fc.nat(20), bytes }),
    fc.record({ kind: fc.constant('replace' as const), where: place, bytes }),
    fc.record({
      kind: fc.constantFrom('drop' as const, 'double' as const, 'swap' as const),
      where: place,
      other: place,
    }),
  )
  return fc
    .tuple(fc.constantFrom(...documents), fc.array(step, { maxLength: 5 }))
    .map(([document, steps]) => {
      let changed: Buffer = Buffer.from(document)
      for (const next of steps) changed = apply(changed, next, grammar)
      return changed
    })
}

const builtIn: readonly object[] = [
  Object,
  Array,
  Map,
  Date,
  Error,
  String,
  Number,
  Function,
].flatMap((one): object[] => [one, one.prototype])

/** Everything that a polluted prototype would show. */
function builtInMembers(): string {
  return builtIn.map((one) => Reflect.ownKeys(one).map(String).join(',')).join('\n')
}

const membersBefore = builtInMembers()

/** No decoder has put anything where every object would have it. */
export function expectNothingPolluted(): void {
  expect(builtInMembers()).toBe(membersBefore)
}

const plainPrototypes: ReadonlySet<unknown> = new Set<unknown>([
  null,
  ...[Object, Array, Map, Set, Date].map((one): unknown => one.prototype),
])

/** Made of plain objects, down to the last one: what is called `__proto__` in the input is no prototype in the value. */
export function expectPlain(value: unknown): void {
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    expect(plainPrototypes.has(Object.getPrototypeOf(next)), 'a plain object').toBe(true)
    const isKeyed = next instanceof Map || next instanceof Set
    open.push(...(isKeyed ? [...next.values()] : Object.values(next)))
  }
}

/** Settles as `value` or as `error`; one that takes longer than any input deserves is taken for a hang. */
export async function outcome<Value>(
  decode: () => Value | Promise<Value>,
): Promise<{ readonly value: Value } | { readonly error: unknown }> {
  const started = performance.now()
  try {
    return { value: await decode() }
  } catch (error) {
    return { error }
  } finally {
    expect(performance.now() - started, 'milliseconds').toBeLessThan(10_000)
  }
}

/** `check` holds for every `input`. */
export async function assertAlways<Input>(
  input: fc.Arbitrary<Input>,
  length: { readonly numRuns: number; readonly seed?: number },
  check: (input: Input) => void | Promise<void>,
): Promise<void> {
  const property = fc.asyncProperty(input, async (one) => check(one))
  await fc.assert(property, length)
}
