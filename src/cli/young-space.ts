// Owns one setting of V8's heap: the space for young objects stops growing once it serves its purpose.

import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** Its two halves together. With less, what belongs to a part under way outlives two collections, and is kept for long. */
const enoughBytes = 8 * 1024 * 1024
const intervalMs = 100

export interface Heap {
  spaces(): readonly { readonly space_name: string; readonly space_size: number }[]
  setFlag(flag: string): void
}

const heapOfProcess: Heap = { spaces: getHeapSpaceStatistics, setFlag: setFlagsFromString }

/**
 * Each part leaves some garbage, and V8 doubles this space each time as much as fits into it has survived a collection, however long
 * that took: after thousands of parts it has come to 32 MiB, and an upload needs no more than a few of them.
 *
 * It holds for the whole process, and so is the command's to decide.
 *
 * @returns what ends it
 */
export function holdYoungSpace(heap: Heap = heapOfProcess): () => void {
  let isHeld = false
  const look = (): void => {
    try {
      const young = heap.spaces().find(({ space_name: name }) => name === 'new_space')
      if (young !== undefined && young.space_size < enoughBytes) return
      clearInterval(timer)
      if (young !== undefined) heap.setFlag('--semi-space-growth-factor=1')
      isHeld = young !== undefined
    } catch {
      // Another engine than V8.
      clearInterval(timer)
    }
  }
  const timer = setInterval(look, intervalMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    if (isHeld) heap.setFlag('--semi-space-growth-factor=2')
    isHeld = false
  }
}
