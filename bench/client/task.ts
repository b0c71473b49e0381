// Owns what a measured client is told: one upload, as JSON in its first argument.

export interface Task {
  /** Scheme, host and port of the sink. */
  readonly endpoint: string
  readonly bucket: string
  readonly key: string
  readonly file: string
  /** Bytes of the file. */
  readonly size: number
  readonly partSize: number
  readonly concurrency: number
  readonly checkpoint: boolean
  /** URL of the module that does the work, by the name of its package. */
  readonly modules: Readonly<Record<string, string>>
}

/** The same for every client; the sink looks at no signature. */
export const credentials = {
  accessKeyId: 'test-access-key-id',
  accessKeySecret: 'test-access-key-secret',
} as const

export const region = 'cn-hangzhou'

export function readTask(): Task {
  return JSON.parse(process.argv[2] ?? '') as Task
}

/** Loaded here and not by the caller, so that the time it takes counts. */
export async function load<Module>(task: Task, name: string): Promise<Module> {
  const url = task.modules[name]
  if (url === undefined) throw new Error(`the task does not say where ${name} is`)
  return (await import(url)) as Module
}
