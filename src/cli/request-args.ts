// Owns the options that describe one request: where OSS is, headers, parameters, durations and times.

import { usageError } from './args.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface EndpointArgs {
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** Undefined leaves the choice to the library. */
  readonly pathStyle: boolean | undefined
}

/** For `parseArgs`; every command that signs has them. */
export const endpointOptions = {
  region: { type: 'string' },
  endpoint: { type: 'string' },
  'path-style': { type: 'boolean', default: false },
} as const

/** What is not given as an option is taken from the environment. */
export function parseEndpointArgs(
  values: {
    readonly region?: string | undefined
    readonly endpoint?: string | undefined
    readonly 'path-style'?: boolean | undefined
  },
  env: Environment,
): EndpointArgs {
  return {
    region: values.region ?? (env['OSS_REGION']?.trim() || undefined),
    endpoint: values.endpoint ?? (env['OSS_ENDPOINT']?.trim() || undefined),
    pathStyle: values['path-style'] || undefined,
  }
}

const secondsPer: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds: a whole number of them, or with s, m, h or d. The range is left to the library. */
export function parseDuration(option: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? []
  if (count !== '') return Number(count) * (secondsPer[unit] ?? 1)
  throw usageError(
    `${option} "${text}" is not a duration`,
    `give seconds or a number with s, m, h or d, e.g. ${option} 15m`,
  )
}

/** The moment of `20250102T030405Z` or of a time in ISO 8601 with its zone. */
export function parseTime(option: string, text: string): Date {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const hasZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(iso)
  const time = new Date(hasZone ? iso : Number.NaN)
  if (!Number.isNaN(time.getTime())) return time
  throw usageError(
    `${option} "${text}" is not a time`,
    `give it as in x-oss-date or in ISO 8601, e.g. ${option} 20250102T030405Z`,
  )
}

/** `Name: value` each. Values are not shown in messages. */
export function parseHeaders(option: string, texts: readonly string[]): Record<string, string> {
  return collect(option, texts, (text) => {
    const [, name = '', value = ''] = /^([^:]+):(.*)$/s.exec(text) ?? []
    if (name.trim() !== '') return [name.trim().toLowerCase(), value.trim()]
    throw usageError(
      `${option} has no name and value`,
      `write it as ${option} 'Content-Type: text/plain'`,
    )
  })
}

/** `name=value`, or `name` for a bare one; both as they are before they are encoded. */
export function parseParameters(option: string, texts: readonly string[]): Record<string, string> {
  return collect(option, texts, (text) => {
    const [name = '', ...value] = text.split('=')
    if (name !== '') return [name, value.join('=')]
    throw usageError(`${option} has no name`, `write it as ${option} name=value or ${option} name`)
  })
}

/** OSS does not say what the same name twice means, so nobody may ask for it. */
function collect(
  option: string,
  texts: readonly string[],
  parse: (text: string) => readonly [name: string, value: string],
): Record<string, string> {
  const record: Record<string, string> = Object.create(null)
  for (const text of texts) {
    const [name, value] = parse(text)
    if (name in record) {
      throw usageError(`${option} ${name} is given twice`, 'a name can have one value')
    }
    record[name] = value
  }
  return record
}
