// Owns listening to a signal that many short pieces of work share, one after another, thousands of times.

interface Entry {
  readonly callback: () => void
  /** In the list; -1 once it was removed. */
  index: number
}

interface Listening {
  readonly entries: Entry[]
  readonly onAbort: () => void
}

const listeningTo = new WeakMap<AbortSignal, Listening>()

/**
 * Calls `callback` when `signal` aborts; a signal that has aborted before calls nothing.
 *
 * All callbacks share one listener of the signal. With one for each, Node's list of them becomes a chain: a listener that was removed
 * still points to the one after it, and so each keeps the next in memory, with all that it knows, until a full garbage collection.
 *
 * @returns what ends it
 */
export function listenForAbort(signal: AbortSignal, callback: () => void): () => void {
  const { entries } = listeningTo.get(signal) ?? beginListening(signal)
  const entry = { callback, index: entries.length }
  entries.push(entry)
  return () => {
    if (entry.index < 0) return
    // The last one takes its place, so that nothing points to it any more.
    const last = entries.pop()
    if (last !== undefined && last !== entry) {
      entries[entry.index] = last
      last.index = entry.index
    }
    entry.index = -1
    if (entries.length === 0) endListening(signal)
  }
}

function beginListening(signal: AbortSignal): Listening {
  const entries: Entry[] = []
  const onAbort = (): void => {
    const errors: unknown[] = []
    // A copy: a callback may end others. One that throws must not keep the rest from being called.
    for (const { callback } of [...entries]) {
      try {
        callback()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
  const listening = { entries, onAbort }
  listeningTo.set(signal, listening)
  signal.addEventListener('abort', onAbort)
  return listening
}

function endListening(signal: AbortSignal): void {
  const listening = listeningTo.get(signal)
  if (listening === undefined) return
  listeningTo.delete(signal)
  signal.removeEventListener('abort', listening.onAbort)
}
