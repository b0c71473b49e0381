/** Owns one exchange on a socket: reading the body at its pace, applying the request, and answering or failing as planned. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BodyReceiver, memoryBodies, noBody } from './bodies.js'
import { type FakeResponse, OssFailure } from './failure.js'
import { appliesOperation, type Fault } from './faults.js'
import { carriesContent, failureResponse, operate, refuse } from './handle.js'
import { headerWire } from './percent.js'
import type { LoggedRequest } from './request.js'
import type { FakeOssState } from './state.js'

/** One accepted socket, below TLS if there is any. */
export interface Connection {
  readonly number: number
  /** Sends RST. */
  reset(): void
  /** Runs later, unless the server closes first. */
  later(ms: number, action: () => void): void
}

interface Exchange {
  readonly state: FakeOssState
  readonly logged: LoggedRequest
  readonly fault: Fault | undefined
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly connection: Connection
}

function rawHeaderPairs(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] ?? '', flat[at + 1] ?? ''])
  return pairs
}

/** Serves one request; returns at once, the rest happens as the socket delivers. */
export function serveExchange(
  state: FakeOssState,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  connection: Connection,
): void {
  const message = {
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    rawHeaders: rawHeaderPairs(incoming.rawHeaders),
  }
  const logged = state.accept(message, connection.number)
  const fault = state.fault?.(logged)
  const exchange: Exchange = { state, logged, fault, incoming, outgoing, connection }
  // A client that goes away is expected here; what it leaves undone shows in the log.
  incoming.on('error', () => {})
  outgoing.on('error', () => {})
  outgoing.on('close', () => {
    logged.endedAt ??= Date.now()
  })
  if (fault?.type === 'early-response') {
    answerEarly(
      exchange,
      new OssFailure(fault.status, fault.code, 'Answered before the body was read.'),
      fault.reset === true,
    )
    return
  }
  const refusal = refuse(state, logged)
  receive(exchange, refusal)
}

function receiverFor(
  { state, logged, fault }: Exchange,
  refusal: FakeResponse | undefined,
): BodyReceiver {
  if (!carriesContent(logged)) return memoryBodies().receive()
  return refusal === undefined && appliesOperation(fault) ? state.bodies.receive() : noBody
}

function receive(exchange: Exchange, refusal: FakeResponse | undefined): void {
  const { state, logged, fault, incoming, connection } = exchange
  const bytesPerSecond = state.options.bytesPerSecondPerConnection
  const cutAt =
    fault?.type === 'reset' || fault?.type === 'stall' ? (fault.afterBodyBytes ?? 0) : undefined
  const receiver = receiverFor(exchange, refusal)
  let open = true
  const startedAt = performance.now()

  const cut = () => {
    if (fault?.type === 'reset') connection.reset()
    else incoming.pause()
  }
  incoming.on('close', () => {
    if (open) receiver.discard()
    open = false
  })
  incoming.on('end', () => {
    open = false
    const body = receiver.end()
    if (!carriesContent(logged)) logged.body = body.read()
    if (cutAt !== undefined) {
      cut()
      return
    }
    const response = appliesOperation(fault) ? (refusal ?? operate(state, logged, body)) : refusal
    connection.later(state.options.latencyMs ?? 0, () => answer(exchange, response))
  })
  if (cutAt === 0) {
    cut()
    return
  }
  incoming.on('data', (chunk: Buffer) => {
    receiver.write(chunk)
    logged.bodyBytes += chunk.length
    if (cutAt !== undefined && logged.bodyBytes >= cutAt) {
      cut()
    } else if (bytesPerSecond !== undefined) {
      const dueMs = (logged.bodyBytes / bytesPerSecond) * 1000 - (performance.now() - startedAt)
      if (dueMs < 1) return
      incoming.pause()
      connection.later(dueMs, () => incoming.resume())
    }
  })
}

/** @param response what the fake would say; undefined if the fault kept the operation from being applied */
function answer(exchange: Exchange, response: FakeResponse | undefined): void {
  const { state, logged, fault, connection } = exchange
  switch (fault?.type) {
    case 'hang':
      return
    case 'reset-after-apply':
      connection.reset()
      return
    case 'delay':
      connection.later(fault.ms, () => send(exchange, response))
      return
    case 'status':
      send(exchange, statusResponse(exchange, fault))
      return
    case 'replace':
      send(exchange, replaced(response ?? plainResponse(exchange), fault))
      return
    case 'endless':
      answerEndlessly(exchange, fault)
      return
    case 'drip':
      if (response !== undefined) drip(exchange, response, fault)
      return
    case 'truncate-response':
      if (response !== undefined) truncate(exchange, response, fault.bytes)
      return
    default:
      send(
        exchange,
        response ?? failureResponse(state, logged, new OssFailure(500, 'InternalError', '')),
      )
  }
}

function statusResponse(
  { state, logged }: Exchange,
  fault: Extract<Fault, { type: 'status' }>,
): FakeResponse {
  const failure = new OssFailure(
    fault.status,
    fault.code ?? 'InternalError',
    fault.message ?? 'Planned by the test.',
    fault.fields === undefined ? {} : { fields: fault.fields },
  )
  const response = failureResponse(state, logged, failure)
  return { ...response, headers: { ...response.headers, ...fault.headers } }
}

/** 200 without content but with the usual headers: what `replace` starts from when nothing was applied. */
function plainResponse({ state, logged }: Exchange): FakeResponse {
  const { headers } = failureResponse(state, logged, new OssFailure(200, '', ''))
  const usual = ['Server', 'Date', 'x-oss-request-id']
  return {
    status: 200,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => usual.includes(name))),
    body: Buffer.alloc(0),
  }
}

function replaced(
  response: FakeResponse,
  fault: Extract<Fault, { type: 'replace' }>,
): FakeResponse {
  const body = fault.body === undefined ? response.body : Buffer.from(fault.body as string)
  const headers = new Map(
    Object.entries(response.headers).map(([name, value]) => [
      name.toLowerCase(),
      [name, value] as const,
    ]),
  )
  if (fault.body !== undefined)
    headers.set('content-length', ['Content-Length', String(body.length)])
  for (const [name, value] of Object.entries(fault.headers ?? {})) {
    if (value === undefined) headers.delete(name.toLowerCase())
    else headers.set(name.toLowerCase(), [name, value])
  }
  return {
    status: fault.status ?? response.status,
    headers: Object.fromEntries(headers.values()),
    body,
  }
}

function wireHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, headerWire(value)]),
  )
}

function send({ state, logged, outgoing }: Exchange, response: FakeResponse | undefined): void {
  if (response === undefined || outgoing.destroyed || outgoing.socket?.destroyed) return
  outgoing.sendDate = false
  outgoing.writeHead(response.status, wireHeaders(response.headers))
  state.answered(logged, response.status)
  outgoing.end(response.body)
}

/** node:http closes the socket after a `Connection: close`; what the client still sends is met with RST. */
function answerEarly(exchange: Exchange, failure: OssFailure, reset: boolean): void {
  const { state, logged, outgoing, connection } = exchange
  const response = failureResponse(state, logged, failure)
  exchange.incoming.pause()
  if (!reset) {
    send(exchange, { ...response, headers: { ...response.headers, Connection: 'close' } })
    return
  }
  outgoing.sendDate = false
  outgoing.writeHead(response.status, wireHeaders(response.headers))
  state.answered(logged, response.status)
  // Not ended: node:http would shut the socket down in its own way first.
  outgoing.write(response.body, () => connection.reset())
}

const endlessPiece = Buffer.alloc(64 * 1024, 'x')

/** A document that never closes; it stops when all was written or the client goes away. */
function answerEndlessly(
  { state, logged, outgoing }: Exchange,
  { status, bytes }: Extract<Fault, { type: 'endless' }>,
): void {
  const { headers } = failureResponse(state, logged, new OssFailure(status, 'InternalError', ''))
  outgoing.sendDate = false
  outgoing.writeHead(status, wireHeaders({ ...headers, 'Content-Length': String(bytes) }))
  state.answered(logged, status)
  const start = Buffer.from('<Error><Code>InternalError</Code><Message>')
  outgoing.write(start)
  logged.endlessBytes = start.length
  const go = (): void => {
    let more = true
    while (more && !outgoing.destroyed) {
      const piece = endlessPiece.subarray(0, bytes - (logged.endlessBytes ?? 0))
      if (piece.length === 0) {
        outgoing.end()
        return
      }
      more = outgoing.write(piece)
      logged.endlessBytes = (logged.endlessBytes ?? 0) + piece.length
    }
  }
  outgoing.on('drain', go)
  go()
}

function drip(
  { state, logged, outgoing, connection }: Exchange,
  { status, headers, body }: FakeResponse,
  { pieces, ms }: Extract<Fault, { type: 'drip' }>,
): void {
  outgoing.sendDate = false
  outgoing.writeHead(status, wireHeaders(headers))
  state.answered(logged, status)
  outgoing.flushHeaders()
  const size = Math.max(1, Math.ceil(body.length / pieces))
  const go = (at: number): void => {
    if (outgoing.destroyed) return
    if (at >= body.length) {
      outgoing.end()
      return
    }
    outgoing.write(body.subarray(at, at + size))
    connection.later(ms, () => go(at + size))
  }
  go(0)
}

function truncate({ logged, outgoing }: Exchange, response: FakeResponse, bytes: number): void {
  const promised = Math.max(response.body.length, bytes) + 1
  outgoing.sendDate = false
  outgoing.writeHead(
    response.status,
    wireHeaders({ ...response.headers, 'Content-Length': String(promised) }),
  )
  logged.endedAt = Date.now()
  outgoing.flushHeaders()
  outgoing.write(response.body.subarray(0, bytes), () => outgoing.socket?.destroySoon())
}
