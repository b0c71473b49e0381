// Owns one upload of a command: from its options, by way of the library, to a result or a failure that is reported.

import { access } from 'node:fs/promises'
import type { OssClient, OssClientOptions } from '../oss/client.js'
import { OssError } from '../primitives/errors.js'
import type { UploadFileOptions } from '../upload/options.js'
import type { UploadFileResult } from '../upload/result.js'
import { loadCredentials } from './credentials-args.js'
import { describeFailure, type Failure, resumeHint } from './failure.js'
import { type Io, isInterruption } from './io.js'
import { assertManifestPath, writeManifest } from './manifest-file.js'
import { loadCallback } from './object-args.js'
import { openProxy } from './proxy.js'
import type { Report } from './report.js'
import type { UploadArgs } from './upload-args.js'
import { holdYoungSpace } from './young-space.js'

/** What of the library is used; loaded once the options have been read. */
export interface UploadLibrary {
  createClient(options: OssClientOptions): OssClient
  uploadFile(client: OssClient, options: UploadFileOptions): Promise<UploadFileResult>
  /** Closes what loading has opened; clients are closed before. */
  close(): Promise<void>
}

export type LoadLibrary = (io: Io, args: UploadArgs) => Promise<UploadLibrary>

export async function loadLibrary(io: Io, args: UploadArgs): Promise<UploadLibrary> {
  const [{ OssClient }, { uploadFile }] = await Promise.all([
    import('../oss/client.js'),
    import('../upload/upload-file.js'),
  ])
  const dispatcher = await openProxy(io, args.connectTimeout)
  const credentials = await loadCredentials(args, io, dispatcher)
  const letGrow = holdYoungSpace()
  return {
    createClient: (options) => new OssClient({ ...options, credentials, dispatcher }),
    uploadFile,
    async close() {
      letGrow()
      await dispatcher?.destroy()
    },
  }
}

/** What all uploads of a command share. */
export interface Session {
  readonly io: Io
  readonly client: OssClient
  readonly uploadFile: UploadLibrary['uploadFile']
  readonly callback: UploadFileOptions['callback']
}

export type UploadInput = { readonly path: string } | { readonly source: AsyncIterable<Uint8Array> }

const help = 'see: ossup upload --help'

/**
 * Opens what uploads share, lets `use` upload, and closes it.
 *
 * @param report of what fails before, or beside, the uploads
 * @returns the exit code
 */
export async function withSession(
  io: Io,
  args: UploadArgs,
  load: LoadLibrary,
  report: Pick<Report, 'failure'>,
  use: (session: Session) => Promise<number>,
): Promise<number> {
  let library: UploadLibrary | undefined
  let client: OssClient | undefined
  try {
    library = await load(io, args)
    const callback = await loadCallback(args.object.callbackText)
    if (args.manifest !== undefined) await assertManifestPath(args.manifest)
    const { region, endpoint, pathStyle, internal, accelerate, dualStack, cname } = args
    const { connectTimeout, idleTimeout, answerTimeout } = args
    client = library.createClient({
      ...{ region, endpoint, pathStyle, internal, accelerate, dualStack, cname },
      ...{ connectTimeout, idleTimeout, answerTimeout },
      additionalHeaders: args.additionalHeaders,
    })
    return await use({ io, client, uploadFile: library.uploadFile, callback })
  } catch (error) {
    const failure = describeFailure(error, help)
    report.failure(failure, [])
    return failure.exitCode
  } finally {
    await client?.close()
    await library?.close()
  }
}

/**
 * Uploads what `args` name, and reports how it ended.
 *
 * @returns undefined when the object is stored
 */
export async function uploadOne(
  session: Session,
  args: UploadArgs,
  input: UploadInput,
  report: Report,
): Promise<Failure | undefined> {
  let underway = false
  try {
    const result = await session.uploadFile(session.client, {
      ...input,
      ...uploadOptions(args),
      callback: session.callback,
      signal: session.io.signal,
      onProgress(progress) {
        underway = true
        report.progress(progress)
      },
      onEvent(event) {
        underway = true
        report.event(event)
      },
    })
    report.result(args, result)
    if (args.manifest !== undefined && result.manifest !== undefined) {
      await writeManifest(args.manifest, result.manifest)
    }
    return undefined
  } catch (error) {
    const failure = await withWhatIsKept(error, args, describeFailure(error, help, underway))
    const abandoned = error instanceof OssError ? (error.upload?.abandonedUploadIds ?? []) : []
    report.failure(failure, abandoned)
    return failure
  }
}

/** The library's options, as far as they come from the command line. */
export function uploadOptions(args: UploadArgs): Omit<UploadFileOptions, 'path' | 'source'> {
  const { bucket, key, partSize, concurrency, maxConcurrency, checkpointPath, verify, onAbort } =
    args
  const { checkpoint, checkpointDir, shard, adopt, restart, contentMd5, retry, deadline } = args
  const { callbackText: _, ...object } = args.object
  return {
    ...{ bucket, key, partSize, concurrency, maxConcurrency },
    ...{ checkpoint, checkpointPath, checkpointDir },
    ...{ verify, shard, adopt, restart, contentMd5, onAbort, retry, deadline, ...object },
    manifest: args.manifest !== undefined,
  }
}

/** A cancelled upload rejects with the signal's reason, which knows nothing of the upload: the disk does. */
async function withWhatIsKept(
  error: unknown,
  args: UploadArgs,
  failure: Failure,
): Promise<Failure> {
  if (!isInterruption(error) || !args.checkpoint || args.onAbort === 'discard') return failure
  const { checkpointPathOf } = await import('../upload/checkpoint-path.js')
  const location = checkpointPathOf(args)
  if (!(await exists(location))) return failure
  return { ...failure, hint: resumeHint, resumable: true, checkpointPath: location }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
