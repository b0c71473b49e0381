// Speaks as much multipart upload, of OSS and of S3 at once, as the measured clients use; looks at no signature.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Crc64Api, StoredPart, Uploads } from './uploads.js'

type Crc = InstanceType<Crc64Api['Crc64']>

export class Answers {
  readonly #uploads: Uploads
  readonly #newCrc: () => Crc
  /** Each has 256 KiB of memory: as many as there are bodies at a time, and no more. */
  readonly #idleCrcs: Crc[] = []

  constructor(uploads: Uploads, newCrc: () => Crc) {
    this.#uploads = uploads
    this.#newCrc = newCrc
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const [path = '', search = ''] = (request.url ?? '').split('?')
    const query = new URLSearchParams(search)
    const [, bucket = '', ...segments] = path.split('/')
    const names = `<Bucket>${bucket}</Bucket><Key>${segments.join('/')}</Key>`
    const id = query.get('uploadId')
    if (request.method === 'PUT') {
      this.#receive(request, (part) => this.#stored(response, query, part))
    } else if (request.method === 'POST' && query.has('uploads')) {
      request.resume()
      const uploadId = `<UploadId>${this.#uploads.initiate()}</UploadId>`
      const name = 'InitiateMultipartUploadResult'
      reply(response, 200, {}, `<${name}>${names}${uploadId}</${name}>`)
    } else if (request.method === 'POST' && id !== null) {
      readText(request, (list) => this.#complete(response, id, list, names))
    } else if (request.method === 'GET' && id !== null) {
      request.resume()
      this.#list(response, id, names)
    } else if (request.method === 'DELETE' && id !== null) {
      request.resume()
      if (this.#uploads.abort(id)) reply(response, 204)
      else noSuchUpload(response)
    } else {
      request.resume()
      reply(response, 501, {}, '<Error><Code>NotImplemented</Code></Error>')
    }
  }

  #receive(request: IncomingMessage, done: (part: StoredPart) => void): void {
    const crc = this.#idleCrcs.pop() ?? this.#newCrc()
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      crc.update(chunk)
    })
    // 'close' comes after 'end', and alone when the client is gone.
    request.on('close', () => {
      crc.reset()
      this.#idleCrcs.push(crc)
    })
    request.on('end', () => {
      const crc64 = crc.digest()
      const etag = `"${crc64.toString(16).toUpperCase().padStart(32, '0')}"`
      done({ size, crc64, etag })
    })
  }

  #stored(response: ServerResponse, query: URLSearchParams, part: StoredPart): void {
    const id = query.get('uploadId')
    const crc = { 'x-oss-hash-crc64ecma': String(part.crc64) }
    if (id === null) this.#uploads.store(part)
    const known = id === null || this.#uploads.put(id, Number(query.get('partNumber')), part)
    if (known) reply(response, 200, { ETag: part.etag, ...crc })
    else noSuchUpload(response)
  }

  #complete(response: ServerResponse, id: string, list: string, names: string): void {
    const parts = [...list.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: `"${/<ETag>(?:"|&quot;|&#34;)?(\w+)/.exec(part)?.[1]}"`,
    }))
    const object = this.#uploads.complete(id, parts)
    if (object === undefined) {
      noSuchUpload(response)
      return
    }
    const etag = `<ETag>"${object.crc64.toString(16)}-${parts.length}"</ETag>`
    const name = 'CompleteMultipartUploadResult'
    const crc = { 'x-oss-hash-crc64ecma': String(object.crc64) }
    reply(response, 200, crc, `<${name}>${names}${etag}</${name}>`)
  }

  #list(response: ServerResponse, id: string, names: string): void {
    const parts = this.#uploads.parts(id)
    if (parts === undefined) {
      noSuchUpload(response)
      return
    }
    const listed = [...parts]
      .sort(([a], [b]) => a - b)
      .map(
        ([number, { size, crc64, etag }]) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag><Size>${size}</Size><HashCrc64ecma>${crc64}</HashCrc64ecma></Part>`,
      )
    const head = `${names}<UploadId>${id}</UploadId><IsTruncated>false</IsTruncated>`
    reply(response, 200, {}, `<ListPartsResult>${head}${listed.join('')}</ListPartsResult>`)
  }
}

function readText(request: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => done(Buffer.concat(chunks).toString()))
}

function noSuchUpload(response: ServerResponse): void {
  reply(response, 404, {}, '<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>')
}

function reply(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  xml = '',
): void {
  const length = Buffer.byteLength(xml)
  response.writeHead(status, {
    ...headers,
    ...(length > 0 && { 'Content-Type': 'application/xml' }),
    ...(status !== 204 && { 'Content-Length': length }),
    'x-oss-request-id': '5C3D9175B6FC201293AD4890',
  })
  response.end(xml)
}
