// Owns the exit codes, which the usage texts document.

export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  resumable: 3,
  refused: 4,
} as const
