// Owns what providers do to the machine: small files are read, a program is run. The one place of the client with such effects.

import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { isNodeError } from '../../primitives/errors.js'
import { credentialsError } from './provider.js'

/** Far more than a configuration file, a token or the output of a program has. */
const maxBytes = 1024 * 1024

/** @throws {OssError} `ERR_OSS_CREDENTIALS` naming the path and the code of the failure. */
export async function readSmallFile(path: string): Promise<Buffer> {
  try {
    const file = await open(path)
    try {
      // Not by the size that stat tells: files of /sys have none, and a FIFO has no end.
      const buffer = Buffer.alloc(maxBytes + 1)
      let length = 0
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length)
        if (bytesRead === 0) return buffer.subarray(0, length)
        length += bytesRead
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = isNodeError(error) ? error.code : 'unknown error'
    throw credentialsError(
      code === 'ENOENT' ? `there is no ${path}` : `cannot read ${path} (${code})`,
    )
  }
  throw credentialsError(`${path} is larger than ${maxBytes} bytes`)
}

export interface Program {
  /** A path, or a name to look for in PATH. */
  readonly command: string
  readonly args: readonly string[]
  /** It is killed then. */
  readonly timeoutMs: number
  /** It is killed then, too. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a program without a shell, with nothing on its stdin, and without looking at its stderr, where it may say what nobody
 * else should read.
 *
 * @returns what it wrote to stdout
 * @throws the signal's reason, or {OssError} `ERR_OSS_CREDENTIALS` naming the exit code; not the command, whose arguments may be secret.
 */
export function runProgram({ command, args, timeoutMs, signal }: Program): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    // A zero byte would make spawn fail with a message that quotes it.
    if ([command, ...args].some((word) => word.includes('\0'))) {
      throw credentialsError('the command line of the credentials program has a zero byte')
    }
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true })
    const chunks: Buffer[] = []
    let length = 0
    const release = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const end = (reason: unknown): void => {
      release()
      child.kill('SIGKILL')
      // A child of the child may keep the pipe open; nobody waits for it.
      child.stdout.destroy()
      reject(reason)
    }
    const fail = (how: string): void => end(credentialsError(`the credentials program ${how}`))
    const onAbort = (): void => end(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    const timer = setTimeout(() => fail(`did not end within ${timeoutMs / 1000} s`), timeoutMs)
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.byteLength
      if (length > maxBytes) fail(`wrote more than ${maxBytes} bytes`)
      else chunks.push(chunk)
    })
    child.on('error', (error) => {
      fail(`could not be run (${isNodeError(error) ? error.code : 'unknown error'})`)
    })
    child.on('close', (exitCode, killedBy) => {
      if (exitCode !== 0) {
        fail(exitCode === null ? `was ended by ${killedBy}` : `failed with exit code ${exitCode}`)
      }
      release()
      resolve(Buffer.concat(chunks))
    })
  })
}
