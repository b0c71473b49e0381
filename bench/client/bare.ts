// The lower bound: parts through bare sockets from two reused chunks per connection; no CRC, no signature, no HTTP library.

import { type FileHandle, open } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { readTask } from './task.js'

export const chunkBytes: number = 512 * 1024

interface Answer {
  readonly head: string
  readonly body: string
}

const task = readTask()
const { hostname, port, protocol } = new URL(task.endpoint)
const target = `/${task.bucket}/${task.key}`

function openSocket(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const address = { host: hostname, port: Number(port) }
    const socket = protocol === 'https:' ? connectTls(address) : connectTcp(address)
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => resolve(socket))
  })
}

/** The sink answers with Content-Length always. */
function readAnswer(socket: Socket): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const finish = (settle: () => void): void => {
      socket.off('data', onData).off('close', onClose)
      settle()
    }
    const onClose = (): void => finish(() => reject(new Error('the sink closed the connection')))
    const onData = (data: Buffer): void => {
      text += data.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = text.slice(0, end)
      const body = text.slice(end + 4)
      if (body.length < Number(/^content-length: *(\d+)/im.exec(head)?.[1])) return
      finish(() =>
        head.startsWith('HTTP/1.1 200') ? resolve({ head, body }) : reject(new Error(head)),
      )
    }
    socket.on('data', onData).on('close', onClose)
  })
}

function headOf(method: string, query: string, length: number): string {
  return `${method} ${target}?${query} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-length: ${length}\r\n\r\n`
}

function post(socket: Socket, query: string, body: string): Promise<Answer> {
  const answer = readAnswer(socket)
  socket.write(headOf('POST', query, body.length) + body)
  return answer
}

const flush = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) =>
    socket.write(bytes, (error) => (error ? reject(error) : resolve())),
  )

async function sendPart(
  socket: Socket,
  file: FileHandle,
  chunks: readonly Buffer[],
  uploadId: string,
  number: number,
): Promise<string> {
  const start = (number - 1) * task.partSize
  const size = Math.min(task.partSize, task.size - start)
  const read = async (at: number, index: number): Promise<Uint8Array> => {
    const length = Math.min(chunkBytes, size - at)
    const chunk = chunks[index % 2] as Buffer
    const { bytesRead } = await file.read(chunk, 0, length, start + at)
    if (bytesRead !== length) throw new Error('short read')
    return length === chunk.length ? chunk : chunk.subarray(0, length)
  }
  const answer = readAnswer(socket)
  // Whichever fails first is thrown below; the other must not become an unhandled rejection.
  answer.catch(() => {})
  socket.write(headOf('PUT', `partNumber=${number}&uploadId=${uploadId}`, size))
  let next = read(0, 0)
  for (let at = 0, index = 0; at < size; at += chunkBytes, index++) {
    const chunk = await next
    if (at + chunkBytes < size) next = read(at + chunkBytes, index + 1)
    await flush(socket, chunk)
  }
  return /^etag: *(\S+)/im.exec((await answer).head)?.[1] ?? ''
}

/** @param newChunk gives memory for one chunk */
export async function sendBare(newChunk: () => Buffer): Promise<void> {
  const file = await open(task.file)
  const sockets = await Promise.all(Array.from({ length: task.concurrency }, openSocket))
  const [first] = sockets as [Socket]
  const { body } = await post(first, 'uploads', '')
  const uploadId = /<UploadId>([^<]+)/.exec(body)?.[1] ?? ''
  const count = Math.ceil(task.size / task.partSize)
  const tags: string[] = []
  let taken = 0
  await Promise.all(
    sockets.map(async (socket) => {
      const chunks = [newChunk(), newChunk()]
      while (taken < count) {
        taken += 1
        const number = taken
        tags[number - 1] = await sendPart(socket, file, chunks, uploadId, number)
      }
    }),
  )
  const list = tags.map(
    (tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`,
  )
  await post(
    first,
    `uploadId=${uploadId}`,
    `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`,
  )
  await file.close()
  for (const socket of sockets) socket.destroy()
}
