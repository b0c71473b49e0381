import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Crc64, combineCrc64, crc64, formatCrc64, parseCrc64 } from '../../src/primitives/crc64.js'
import { TableCrc64 } from '../../src/primitives/crc64-table.js'

const allOnes = 2n ** 64n - 1n

/** The ECMA-182 polynomial as the standard writes it, highest power first: x^64 + x^62 + x^57 + ... + 1. */
const polynomial = 0x1_42f0_e1eb_a9ea_3693n

/** The same without x^64 and with its bits reversed, as the reflected CRC uses it. */
const reflectedPolynomial = 0xc96c5795d7870f42n

/** Reference 1: bit by bit, straight from the definition. */
function bitwiseCrc64(bytes: Uint8Array): bigint {
  let register = allOnes
  for (const byte of bytes) register = bitwiseStep(register ^ BigInt(byte))
  return register ^ allOnes
}

function bitwiseStep(register: bigint): bigint {
  let result = register
  for (let bit = 0; bit < 8; bit++) {
    result = result & 1n ? (result >> 1n) ^ reflectedPolynomial : result >> 1n
  }
  return result
}

const entries = Array.from({ length: 256 }, (_, byte) => bitwiseStep(BigInt(byte)))
const entriesHigh = Int32Array.from(entries, (entry) => Number(entry >> 32n))
const entriesLow = Int32Array.from(entries, (entry) => Number(entry & 0xffff_ffffn))

/** Reference 2: one table lookup per byte, to be fast enough for megabytes. The CRC of each of the given prefixes. */
function prefixCrcs(bytes: Uint8Array, lengths: readonly number[]): Map<number, bigint> {
  const crcs = new Map<number, bigint>()
  let high = -1
  let low = -1
  let index = 0
  for (const length of [...lengths].sort((a, b) => a - b)) {
    for (; index < length; index++) {
      const entry = (low ^ bytes[index]!) & 255
      low = ((low >>> 8) | (high << 24)) ^ entriesLow[entry]!
      high = (high >>> 8) ^ entriesHigh[entry]!
    }
    crcs.set(length, (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0))
  }
  return crcs
}

function referenceCrc64(bytes: Uint8Array): bigint {
  return prefixCrcs(bytes, [bytes.length]).get(bytes.length)!
}

/** The generator described in fixtures/crc64/PROVENANCE.md. */
function generate(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) | 0
    bytes[i] = x >>> 24
  }
  return bytes
}

/** Small, repeatable pseudorandom integers below `limit`. */
function randomIntegers(seed: number): (limit: number) => number {
  let x = seed
  return (limit) => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0
    return Math.floor(((x >>> 0) / 2 ** 32) * limit)
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

const switchThreshold = 262_144
const data = generate(182, 4 * 1024 * 1024 + 4096)

it('has references that agree with each other', () => {
  for (const length of range(0, 300)) {
    const bytes = data.subarray(length, 2 * length)
    expect(referenceCrc64(bytes)).toBe(bitwiseCrc64(bytes))
  }
  const reversed = BigInt(
    `0b${[...polynomial.toString(2).slice(1).padStart(64, '0')].reverse().join('')}`,
  )
  expect(reversed).toBe(reflectedPolynomial)
})

it('rests on x^126765 + x^32767 + x^28464 + 1 being a multiple of the polynomial', () => {
  function powerOfX(exponent: number): bigint {
    let remainder = 1n
    for (let i = 0; i < exponent; i++) {
      remainder <<= 1n
      if (remainder >> 64n) remainder ^= polynomial
    }
    return remainder
  }
  expect(powerOfX(126_765) ^ powerOfX(32_767) ^ powerOfX(28_464) ^ powerOfX(0)).toBe(0n)
})

type Vector = {
  readonly name: string
  readonly lengthBytes: number
  readonly crc64: string
} & ({ readonly hex: string; readonly repeat: number } | { readonly seed: number })

describe('known vectors', () => {
  const file = fileURLToPath(new URL('../../fixtures/crc64/vectors.json', import.meta.url))
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[]

  it.each(vectors)('$name', (vector) => {
    const bytes =
      'hex' in vector
        ? Buffer.from(vector.hex, 'hex').toString('latin1').repeat(vector.repeat)
        : generate(vector.seed, vector.lengthBytes)
    const input = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    expect(input.length).toBe(vector.lengthBytes)
    expect(formatCrc64(crc64(input))).toBe(vector.crc64)
    for (const stream of [new Crc64(), new TableCrc64()]) {
      stream.update(input)
      expect(formatCrc64(stream.digest())).toBe(vector.crc64)
    }
  })

  it('include the check value of CRC-64/XZ', () => {
    expect(crc64(Buffer.from('123456789'))).toBe(0x995dc9bbdf1939fan)
  })
})

describe('a stream', () => {
  it('has the right CRC at every length from 0 to 1100, as one chunk and byte by byte', () => {
    const crcs = prefixCrcs(data, range(0, 1100))
    const whole = new Crc64()
    const bytewise = new Crc64()
    for (const [length, expected] of crcs) {
      whole.reset()
      whole.update(data.subarray(0, length))
      expect(whole.digest()).toBe(expected)
      expect(crc64(data.subarray(0, length))).toBe(expected)
      expect(bytewise.digest()).toBe(expected)
      bytewise.update(data.subarray(length, length + 1))
    }
  })

  it('has the right CRC at every length from 0 to 1100 after a long start', () => {
    const stream = new Crc64()
    for (const start of [switchThreshold - 1, switchThreshold, 1_000_003]) {
      for (const [length, expected] of prefixCrcs(data, range(start, start + 1100))) {
        if (length % 7 !== 0) continue
        stream.reset()
        stream.update(data.subarray(0, start))
        stream.update(data.subarray(start, length))
        expect(stream.digest()).toBe(expected)
      }
    }
  })

  it.each([
    16_384, 65_536, 93_998, 98_301, 126_765, 126_776, 131_072, 196_608, 257_837, 262_144, 327_680,
    393_216, 524_288, 1_048_576, 2_097_152, 4_194_304,
  ])('has the right CRC around %i bytes', (center) => {
    const stream = new Crc64()
    for (const [length, expected] of prefixCrcs(data, range(center - 17, center + 17))) {
      const bytes = data.subarray(0, length)
      stream.reset()
      stream.update(bytes)
      expect(stream.digest()).toBe(expected)
      expect(crc64(bytes)).toBe(expected)
    }
  })

  // The method changes after `switchThreshold - 1` bytes, so these lengths count from an empty ring.
  it.each([
    16, 4303, 28_464, 32_767, 65_536, 93_998, 98_301, 126_765, 126_776, 131_072, 224_763, 262_144,
  ])('has the right CRC around %i bytes after the change of method', (center) => {
    const start = switchThreshold - 1
    const stream = new Crc64()
    for (const length of range(Math.max(1, center - 17), center + 17)) {
      stream.reset()
      stream.update(data.subarray(0, start))
      stream.update(data.subarray(start, start + length))
      expect(stream.digest()).toBe(referenceCrc64(data.subarray(0, start + length)))
    }
  })

  it('changes its method at any point of a byte-by-byte stream', () => {
    const start = switchThreshold - 40
    const crcs = prefixCrcs(data, range(start, start + 80))
    const stream = new Crc64()
    stream.update(data.subarray(0, start))
    for (const [length, expected] of crcs) {
      expect(stream.digest()).toBe(expected)
      stream.update(data.subarray(length, length + 1))
    }
  })

  it('has the right CRC for random cuts, alignments and lengths', () => {
    const below = randomIntegers(64)
    const stream = new Crc64()
    for (let run = 0; run < 60; run++) {
      const start = below(64)
      const bytes = data.subarray(start, start + below(run % 6 === 0 ? 4_000_000 : 700_000))
      const longest = [20, 300, 9000, 70_000, 600_000][run % 5] ?? 0
      stream.reset()
      let offset = 0
      // At most 500 short chunks, then the rest in one.
      for (let chunks = 0; chunks < 500 && offset < bytes.length; chunks++) {
        const size = below(longest)
        stream.update(bytes.subarray(offset, offset + size))
        offset += size
      }
      stream.update(bytes.subarray(offset))
      expect(stream.digest()).toBe(referenceCrc64(bytes))
    }
  })

  it('reads every alignment and kind of byte array alike', () => {
    const length = 300_001
    const expected = referenceCrc64(data.subarray(0, length))
    const padded = Buffer.alloc(length + 64)
    const shared = new Uint8Array(new SharedArrayBuffer(length + 64))
    for (const offset of range(0, 33)) {
      padded.set(data.subarray(0, length), offset)
      shared.set(data.subarray(0, length), offset)
      for (const bytes of [
        padded.subarray(offset, offset + length),
        new Uint8Array(padded.buffer, padded.byteOffset + offset, length),
        shared.subarray(offset, offset + length),
      ]) {
        expect(crc64(bytes)).toBe(expected)
      }
    }
  })

  it('does not hold on to a chunk', () => {
    const chunk = Buffer.alloc(524_288 + 5)
    const stream = new Crc64()
    for (let offset = 0; offset < 2_000_000; offset += chunk.length) {
      chunk.set(data.subarray(offset, offset + chunk.length))
      stream.update(chunk)
      chunk.fill(0xaa)
    }
    expect(stream.digest()).toBe(referenceCrc64(data.subarray(0, 4 * chunk.length)))
  })

  it('leaves the chunks as they were', () => {
    const bytes = data.slice(0, 1_000_000)
    crc64(bytes)
    expect(Buffer.compare(bytes, data.subarray(0, bytes.length))).toBe(0)
  })

  it.each([0, 5, 1000, 262_143, 262_144, 700_001])('forgets %i bytes on reset', (length) => {
    const stream = new Crc64()
    stream.update(data.subarray(0, length))
    stream.digest()
    stream.reset()
    expect(stream.digest()).toBe(0n)
    stream.reset()
    stream.update(data.subarray(1, 600_001))
    expect(stream.digest()).toBe(referenceCrc64(data.subarray(1, 600_001)))
  })
})

describe('the room of a stream', () => {
  const roomBytes = 1_100_000
  const pageBytes = 4096

  it('has the size that was asked for, and begins with a page', () => {
    for (const size of [0, 1, 65_536, roomBytes]) {
      const { room } = new Crc64(size)
      expect(room).toHaveLength(size)
      expect(room.byteOffset % pageBytes).toBe(0)
    }
    expect(new Crc64().room).toHaveLength(0)
  })

  it('cannot be taken away: its memory does not grow', () => {
    const { room } = new Crc64(roomBytes)
    const pages = Math.ceil((262_144 + roomBytes) / 65_536)
    expect(room.buffer.byteLength).toBe(pages * 65_536)
  })

  it('is read where it is, at every place and length, and left as it was', () => {
    const below = randomIntegers(11)
    const stream = new Crc64(roomBytes)
    for (let run = 0; run < 80; run++) {
      const at = run % 3 === 0 ? 0 : below(70)
      const length = below(run % 4 === 0 ? 1_000_000 : 400_000)
      const bytes = data.subarray(run, run + length)
      stream.room.set(bytes, at)
      stream.reset()
      // In up to four pieces, so that short ones come before, between and after long ones.
      const cuts = [below(length + 1), below(40), 16 * below(20_000)].map((cut) =>
        Math.min(cut, length),
      )
      let offset = 0
      for (const end of [...cuts, length].sort((a, b) => a - b)) {
        stream.update(stream.room.subarray(at + offset, at + end))
        offset = end
      }
      expect(stream.digest()).toBe(referenceCrc64(bytes))
      expect(Buffer.compare(stream.room.subarray(at, at + length), bytes)).toBe(0)
    }
  })

  it('and memory of others may take turns', () => {
    const below = randomIntegers(12)
    const stream = new Crc64(roomBytes)
    const other = new Crc64(roomBytes)
    for (let run = 0; run < 40; run++) {
      stream.reset()
      let offset = 0
      for (let piece = 0; piece < 6; piece++) {
        const size = 16 * below(16_000) + (piece % 2 === 0 ? 0 : below(16))
        const bytes = data.subarray(offset, offset + size)
        const { room } = [stream, other, undefined][below(3)] ?? {}
        room?.set(bytes, 16)
        stream.update(room?.subarray(16, 16 + size) ?? bytes)
        offset += size
      }
      expect(stream.digest()).toBe(referenceCrc64(data.subarray(0, offset)))
    }
  })

  it.each([16, 32, 262_144, 524_288])(
    'gives the right CRC when %i bytes follow what the tables read',
    (size) => {
      const stream = new Crc64(roomBytes)
      const start = switchThreshold - 16
      stream.room.set(data.subarray(start, start + size))
      stream.update(data.subarray(0, start))
      stream.update(stream.room.subarray(0, size))
      expect(stream.digest()).toBe(referenceCrc64(data.subarray(0, start + size)))
    },
  )
})

describe('combineCrc64', () => {
  /** a * b modulo the polynomial, in the usual (not reflected) bit order. */
  function multiply(a: bigint, b: bigint): bigint {
    let product = 0n
    for (let i = 63n; i >= 0n; i--) {
      product <<= 1n
      if (product >> 64n) product ^= polynomial
      if ((b >> i) & 1n) product ^= a
    }
    return product
  }

  function reflect(value: bigint): bigint {
    return BigInt(`0b${[...value.toString(2).padStart(64, '0')].reverse().join('')}`)
  }

  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [9, 1],
    [1000, 102_400],
    [1_048_576, 1_048_576],
    [3_000_000, 1_194_304],
  ])('joins %i and %i bytes', (firstLength, secondLength) => {
    const joined = data.subarray(0, firstLength + secondLength)
    const first = referenceCrc64(joined.subarray(0, firstLength))
    const second = referenceCrc64(joined.subarray(firstLength))
    expect(combineCrc64(first, second, secondLength)).toBe(referenceCrc64(joined))
  })

  it('joins many parts of one length and a shorter last one', () => {
    const partSize = 102_400
    let combined = 0n
    for (let offset = 0; offset < data.length; offset += partSize) {
      const part = data.subarray(offset, offset + partSize)
      combined = combineCrc64(combined, crc64(part), part.length)
    }
    expect(combined).toBe(referenceCrc64(data))
  })

  // 48.8 TB is the largest object; the last is the largest length accepted.
  it.each([2 ** 31 - 1, 2 ** 32, 2 ** 32 + 1, 5 * 2 ** 30, 48.8e12, Number.MAX_SAFE_INTEGER])(
    'moves the first CRC over %i bytes',
    (length) => {
      let power = 1n
      for (const bit of (8n * BigInt(length)).toString(2)) {
        power = multiply(power, power)
        if (bit === '1') power = multiply(power, 2n)
      }
      const first = 0x0123_4567_89ab_cdefn
      const second = 0xfedc_ba98_7654_3210n
      expect(combineCrc64(first, second, length)).toBe(
        reflect(multiply(reflect(first), power)) ^ second,
      )
    },
  )

  it('refuses a length that is negative, fractional or not exact', () => {
    for (const length of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => combineCrc64(1n, 2n, length)).toThrow(RangeError)
    }
  })

  it('refuses a CRC that is not 64 bits', () => {
    for (const value of [-1n, 2n ** 64n]) {
      expect(() => combineCrc64(value, 1n, 1)).toThrow(RangeError)
      expect(() => combineCrc64(1n, value, 1)).toThrow(RangeError)
    }
  })
})

describe('the decimal form', () => {
  it.each([
    ['0', 0n],
    ['1', 1n],
    ['11051210869376104954', 0x995dc9bbdf1939fan],
    ['9223372036854775808', 2n ** 63n],
    ['18446744073709551614', allOnes - 1n],
    ['18446744073709551615', allOnes],
  ])('%s is written and read', (text, value) => {
    expect(formatCrc64(value)).toBe(text)
    expect(parseCrc64(text)).toBe(value)
  })

  it.each([
    '',
    ' ',
    ' 1',
    '1 ',
    '1\n',
    '+1',
    '-0',
    '-1',
    '00',
    '01',
    '1.0',
    '1e3',
    '0x10',
    '1n',
    '1_000',
    '\u0661',
    'null',
    '18446744073709551616',
    '99999999999999999999',
    '100000000000000000000',
  ])('%j is refused', (text) => {
    expect(parseCrc64(text)).toBeUndefined()
  })

  it('is refused to a value that is not 64 bits', () => {
    for (const value of [-1n, 2n ** 64n]) expect(() => formatCrc64(value)).toThrow(RangeError)
  })
})

describe('WebAssembly', () => {
  interface WasmApi {
    readonly Module: new (code: Uint8Array) => object
    readonly Instance: new (module: object, imports: object) => object
    readonly Memory: new (size: { initial: number; maximum: number }) => object
  }
  const real = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly

  /** A fresh copy of crc64.ts, so that nothing has been compiled yet. */
  async function freshCopy(api: Partial<WasmApi> | undefined) {
    vi.resetModules()
    vi.stubGlobal('WebAssembly', api)
    return import('../../src/primitives/crc64.js')
  }

  afterEach(() => {
    vi.unstubAllGlobals()
    vi.resetModules()
  })

  it('is compiled once, and not before the first stream', async () => {
    let modules = 0
    let instances = 0
    const copy = await freshCopy({
      Module: class {
        constructor(code: Uint8Array) {
          modules++
          // biome-ignore lint/correctness/noConstructorReturn: what the stub stands for is what it returns
          return new real.Module(code)
        }
      },
      Instance: class {
        constructor(module: object, imports: object) {
          instances++
          // biome-ignore lint/correctness/noConstructorReturn: what the stub stands for is what it returns
          return new real.Instance(module, imports)
        }
      },
      Memory: real.Memory,
    })
    expect(copy.crc64(Buffer.from('123456789'))).toBe(0x995dc9bbdf1939fan)
    expect([modules, instances]).toEqual([0, 0])
    const streams = [new copy.Crc64(), new copy.Crc64()]
    expect([modules, instances]).toEqual([1, 2])
    for (const stream of streams) {
      stream.update(data.subarray(0, 300_000))
      expect(stream.digest()).toBe(referenceCrc64(data.subarray(0, 300_000)))
    }
  })

  function refuse(): never {
    throw new RangeError('refused by the test')
  }

  it.each<[string, Partial<WasmApi> | undefined]>([
    ['is missing', undefined],
    [
      'refuses to compile',
      {
        Module: class {
          readonly refused = refuse()
        },
      },
    ],
    [
      'refuses an instance',
      {
        Module: real.Module,
        Memory: real.Memory,
        Instance: class {
          readonly refused = refuse()
        },
      },
    ],
    [
      'has no memory to give',
      {
        Module: real.Module,
        Instance: real.Instance,
        Memory: class {
          readonly refused = refuse()
        },
      },
    ],
  ])('is not needed: the CRC is right when it %s', async (_, api) => {
    const copy = await freshCopy(api)
    const stream = new copy.Crc64(1000)
    expect(stream.room).toHaveLength(1000)
    for (const [length, expected] of prefixCrcs(data, [...range(0, 100), 262_144, 3_000_001])) {
      expect(copy.crc64(data.subarray(0, length))).toBe(expected)
      stream.reset()
      stream.update(data.subarray(0, length >> 1))
      stream.digest()
      stream.update(data.subarray(length >> 1, length))
      expect(stream.digest()).toBe(expected)
      expect(stream.digest()).toBe(expected)
    }
  })

  it('is not needed: the CRC is right under node --jitless', () => {
    const script = `
      import { Crc64, crc64 } from './src/primitives/crc64.ts'
      const stream = new Crc64()
      stream.update(Buffer.alloc(300_000, 'abc'))
      console.log([typeof WebAssembly, crc64(Buffer.from('123456789')), stream.digest()].join(' '))
    `
    const stdout = execFileSync(
      process.execPath,
      ['--jitless', '--import', 'tsx', '--input-type=module', '--eval', script],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    const expected = referenceCrc64(Buffer.alloc(300_000, 'abc'))
    expect(stdout.toString().trim()).toBe(`undefined 11051210869376104954 ${expected}`)
  })
})

describe('the table fallback', () => {
  it('has the right CRC at every length from 0 to 1100, as one chunk and in random ones', () => {
    const below = randomIntegers(7)
    for (const [length, expected] of prefixCrcs(data, range(0, 1100))) {
      const whole = new TableCrc64()
      whole.update(data.subarray(0, length))
      expect(whole.digest()).toBe(expected)
      const cut = new TableCrc64()
      for (let offset = 0, size = 0; offset < length; offset += size) {
        size = Math.min(below(40), length - offset)
        cut.update(data.subarray(offset, offset + size))
      }
      expect(cut.digest()).toBe(expected)
      cut.reset()
      expect(cut.digest()).toBe(0n)
    }
  })
})
