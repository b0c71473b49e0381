// Owns the checksum of one short line: the CRC-64 of crc64.ts in sixteen hexadecimal digits.
//
// A line is written for each part, long after the line before it: everything that its checksum touches comes from far memory. So
// it goes by four bits at a time, for which the tables take 128 bytes instead of 2 KiB, and by no object and no BigInt.

import { tableOf } from './crc64-table.js'

const { high, low } = tableOf(4)

/**
 * The CRC-64 as 16 lower-case digits. For some hundred bytes: `crc64` is faster with many.
 *
 * @param latin1 the bytes, a character for each: what is ASCII can be given as it is
 */
export function crc64Hex(latin1: string): string {
  let h = -1
  let l = -1
  // Each entry is there: the fallbacks, never taken, only satisfy the type checker.
  for (let index = 0; index < latin1.length; index++) {
    const byte = latin1.charCodeAt(index)
    let entry = (l ^ byte) & 15
    l = ((l >>> 4) | (h << 28)) ^ (low[entry] ?? 0)
    h = (h >>> 4) ^ (high[entry] ?? 0)
    entry = (l ^ (byte >>> 4)) & 15
    l = ((l >>> 4) | (h << 28)) ^ (low[entry] ?? 0)
    h = (h >>> 4) ^ (high[entry] ?? 0)
  }
  return hex(~h) + hex(~l)
}

const digits = '0123456789abcdef'

function hex(half: number): string {
  let text = ''
  for (let shift = 28; shift >= 0; shift -= 4) text += digits[(half >>> shift) & 15]
  return text
}
