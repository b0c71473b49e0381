// Runs one upload by one client, measures it, and checks that the sink has received the file as it is.

import { credentials, region, type Task } from '../client/task.js'
import { runMeasured, type Usage } from './measured-process.js'
import type { Sink, Via } from './sink-process.js'
import type { TestFile } from './test-file.js'
import type { Workspace } from './workspace.js'

export const peers = ['raw', 'raw-aligned', 'ali-oss', 'lib-storage'] as const
export type Peer = (typeof peers)[number]
/** Ours as a library, and as the command. */
export type Client = 'ossup' | 'command' | Peer

export interface Upload {
  readonly client: Client
  readonly via: Via
  readonly partSize: number
  readonly concurrency: number
  readonly checkpoint: boolean
}

export interface Measurement extends Usage {
  readonly connections: number
}

export interface Bench {
  readonly workspace: Workspace
  readonly sink: Sink
}

const key = 'bench/data.bin'

/** lib-storage throws below it: the smallest part that S3 takes. */
export const minS3PartSize = 5 * 1024 * 1024

function taskOf({ workspace, sink }: Bench, upload: Upload, file: TestFile): Task {
  const { via, partSize, concurrency, checkpoint } = upload
  return {
    endpoint: sink.endpoint(via),
    bucket: 'examplebucket',
    ...{ key, file: file.path, size: file.size, partSize, concurrency, checkpoint },
    modules: workspace.modules,
  }
}

function commandLine({ workspace }: Bench, task: Task): readonly string[] {
  const { endpoint, bucket, key, file, partSize, concurrency } = task
  return [
    ...[workspace.command, 'upload', file, `oss://${bucket}/${key}`, '--quiet'],
    ...['--endpoint', endpoint, '--region', region, '--path-style'],
    ...['--part-size', String(partSize), '--concurrency', String(concurrency)],
  ]
}

export async function runUpload(
  bench: Bench,
  upload: Upload,
  file: TestFile,
): Promise<Measurement> {
  const { workspace, sink } = bench
  await sink.report()
  const task = taskOf(bench, upload, file)
  const argv =
    upload.client === 'command'
      ? commandLine(bench, task)
      : [workspace.program(`client/${upload.client}`), JSON.stringify(task)]
  const usage = await runMeasured(workspace, argv, {
    OSS_ACCESS_KEY_ID: credentials.accessKeyId,
    OSS_ACCESS_KEY_SECRET: credentials.accessKeySecret,
    // The same way for every client, which leaves each with its own default connections.
    ...(upload.via === 'https' && { NODE_EXTRA_CA_CERTS: workspace.caFile }),
  })
  const { connections, objects } = await sink.report()
  const [object, another] = objects
  const isWhole = object?.size === file.size && object.crc64 === String(file.crc64)
  if (!isWhole || another !== undefined) {
    throw new Error(`${upload.client} has not stored the file: ${JSON.stringify(objects)}`)
  }
  return { ...usage, connections }
}

/** @throws {Error} when the client sends anything to a sink whose certificate nobody vouches for */
export async function assertVerifiesCertificate(
  bench: Bench,
  client: Client,
  file: TestFile,
): Promise<void> {
  const { workspace, sink } = bench
  const upload = {
    client,
    via: 'https',
    partSize: minS3PartSize,
    concurrency: 1,
    checkpoint: false,
  } as const
  await sink.report()
  const argv = [workspace.program(`client/${client}`), JSON.stringify(taskOf(bench, upload, file))]
  const refused = await runMeasured(workspace, argv).then(
    () => false,
    () => true,
  )
  const { requests } = await sink.report()
  if (!refused || requests > 0) throw new Error(`${client} does not verify certificates`)
}
