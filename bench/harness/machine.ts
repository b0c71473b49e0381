// Says where the figures come from: machine, system, Node, and the versions of what is compared.

import { cpus, release, totalmem, type } from 'node:os'
import { peerVersions } from './workspace.js'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
  readonly node: string
  readonly openssl: string
  readonly packages: Readonly<Record<string, string>>
}

export function describeMachine(): Machine {
  const cores = cpus()
  return {
    cpu: cores[0]?.model ?? 'unknown CPU',
    cores: cores.length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    // The version alone: what a builder appends to it says nothing.
    system: `${type()} ${/^[\d.]+/.exec(release())?.[0] ?? release()}`,
    node: process.version,
    openssl: process.versions.openssl,
    packages: peerVersions(),
  }
}
