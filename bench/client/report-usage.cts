// Reports what the whole process has used, on file descriptor 3 when it exits; preloaded into every measured process.

process.on('exit', () => {
  const { readFileSync, writeSync } = process.getBuiltinModule('node:fs')
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  let peakKib = maxRSS
  try {
    // Linux carries the peak of the process that forked over into maxRSS; this one begins at exec.
    peakKib = Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
  } catch {
    // Other systems have no /proc, and a maxRSS of the process alone.
  }
  writeSync(3, JSON.stringify({ cpuMicroseconds: userCPUTime + systemCPUTime, peakKib }))
})
