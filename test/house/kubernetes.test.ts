// Owns the rule that examples/kubernetes can be applied: Kubernetes' schema, its further rules, and our own command line hold.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Job } from 'kubernetes-types/batch/v1.js'
import type { ConfigMap } from 'kubernetes-types/core/v1.js'
import { describe, expect, it } from 'vitest'
import { parseOptions } from '../../src/cli/args.js'
import { doctorOptions } from '../../src/cli/doctor-command.js'
import { planOptions } from '../../src/cli/plan-command.js'
import { parseUploadArgs, uploadUsage } from '../../src/cli/upload-args.js'
import {
  containerOf,
  environmentOf,
  type Manifest,
  readManifests,
  schemaErrors,
  wordsOf,
} from '../support/kubernetes.js'
import { repositoryRoot } from './source-tree.js'

const folder = join(repositoryRoot, 'examples/kubernetes')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
const manifests = files.flatMap((name) =>
  readManifests(read(name)).map((manifest) => ({ name, manifest })),
)

// Their shape is what the first test is about.
const job = readManifests(read('job.yaml'))[0] as Job
const check = readManifests(read('check.yaml'))[0] as Job
const settings = readManifests(read('settings.yaml'))[0] as ConfigMap
const worker = containerOf(job)

describe('the manifests of examples/kubernetes', () => {
  it('hold to the schema of Kubernetes', () => {
    expect(files.toSorted()).toEqual(['check.yaml', 'job.yaml', 'settings.yaml'])
    const errors = schemaErrors(manifests.map(({ manifest }) => manifest))
    for (const [index, { name }] of manifests.entries()) expect(errors[index], name).toEqual([])
  })

  it('would not hold with a name, a type or a member wrong', () => {
    const change = (from: RegExp, to: string): Manifest => {
      const text = read('job.yaml')
      expect(text).toMatch(from)
      return readManifests(text.replace(from, to))[0] as Manifest
    }
    const wrong = [
      change(/backoffLimitPerIndex/, 'backoffLimitPerindex'),
      change(/readOnlyRootFilesystem/, 'readonlyRootFilesystem'),
      change(/completions: 16/, 'completions: "16"'),
      change(/ {2}template:\n[\s\S]*$/, ''),
      change(/operator: In/, 'containerPort: 1'),
      change(/^ *mountPath: \/source\n/m, ''),
      change(/kind: Job/, 'kind: Job\nspecs: {}'),
    ]
    for (const errors of schemaErrors(wrong)) expect(errors).not.toEqual([])
  })

  it('use no word that Kubernetes does not know where the schema says text', () => {
    const words: Readonly<Record<string, readonly string[]>> = {
      completionMode: ['Indexed', 'NonIndexed'],
      podReplacementPolicy: ['Failed', 'TerminatingOrFailed'],
      restartPolicy: ['Never', 'OnFailure', 'Always'],
      action: ['FailJob', 'FailIndex', 'Ignore', 'Count'],
      operator: ['In', 'NotIn'],
      whenUnsatisfiable: ['DoNotSchedule', 'ScheduleAnyway'],
      fsGroupChangePolicy: ['OnRootMismatch', 'Always'],
      accessModes: ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'],
    }
    for (const { manifest } of manifests) {
      JSON.stringify(manifest, (name, value) => {
        const known = words[name]
        if (known !== undefined) expect(known).toEqual(expect.arrayContaining([value].flat()))
        return value
      })
    }
  })

  it('keep the rules of an indexed Job that no schema has', () => {
    const { spec } = job
    expect(spec?.completionMode).toBe('Indexed')
    expect(spec?.template.spec?.restartPolicy).toBe('Never')
    expect(spec?.podReplacementPolicy).toBe('Failed')
    const rules = spec?.podFailurePolicy?.rules ?? []
    for (const { onExitCodes } of rules) {
      if (onExitCodes === undefined) continue
      expect(onExitCodes.containerName).toBe(worker.name)
      expect(onExitCodes.values).toEqual([...new Set(onExitCodes.values)].sort((a, b) => a - b))
      expect(onExitCodes.values).not.toContain(0)
    }
    const failing = rules.filter(({ action }) => action === 'FailIndex')
    expect(failing.flatMap(({ onExitCodes }) => onExitCodes?.values ?? [])).toEqual([2, 4])
  })

  it('give up only for exit codes that the command says are final', () => {
    for (const line of ['2    wrong usage', '4    refused: the checkpoint', '3    failed; running'])
      expect(uploadUsage).toContain(`  ${line}`)
  })

  it.each([job, check])(
    'restrict their pods as far as Kubernetes’ strictest profile does',
    (one) => {
      const pod = one.spec?.template.spec
      const container = containerOf(one)
      expect(pod?.securityContext?.runAsNonRoot).toBe(true)
      expect(pod?.securityContext?.runAsUser).toBeGreaterThan(0)
      expect(pod?.securityContext?.seccompProfile?.type).toBe('RuntimeDefault')
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(container.resources?.limits).toHaveProperty('memory')
      const mounts = container.volumeMounts ?? []
      expect(mounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name)).toEqual([
        'checkpoint',
      ])
      const declared = (pod?.volumes ?? []).map(({ name }) => name)
      expect(mounts.map(({ name }) => name).toSorted()).toEqual(declared.toSorted())
    },
  )

  it('have the token where the credentials look for it', () => {
    const source = readFileSync(join(repositoryRoot, 'src/oss/credentials/oidc-role.ts'), 'utf8')
    const names = Object.keys(settings.data ?? {}).filter((name) => name.startsWith('ALIBABA'))
    expect(names).toHaveLength(5)
    for (const name of names) expect(source).toContain(`'${name}'`)
    for (const one of [job, check]) {
      const mount = containerOf(one).volumeMounts?.find(({ name }) => name === 'oidc-token')
      const volume = one.spec?.template.spec?.volumes?.find(({ name }) => name === 'oidc-token')
      const token = volume?.projected?.sources?.[0]?.serviceAccountToken
      expect(settings.data?.['ALIBABA_CLOUD_OIDC_TOKEN_FILE']).toBe(
        `${mount?.mountPath}/${token?.path}`,
      )
      expect(token?.audience).toBe('sts.aliyuncs.com')
    }
  })

  it('refer to accounts, settings and claims that are there, or that the page asks for', () => {
    const named = (kind: string) =>
      manifests
        .filter(({ manifest }) => manifest['kind'] === kind)
        .map(({ manifest }) => (manifest['metadata'] as { readonly name: string }).name)
    const claims = [...named('PersistentVolumeClaim'), 'ossup-source']
    expect(readFileSync(join(repositoryRoot, 'docs/many-machines.md'), 'utf8')).toContain(
      '`ossup-source`',
    )
    for (const one of [job, check]) {
      const pod = one.spec?.template.spec
      expect(named('ServiceAccount')).toContain(pod?.serviceAccountName)
      expect(named('ConfigMap')).toContain(containerOf(one).envFrom?.[0]?.configMapRef?.name)
      for (const { persistentVolumeClaim } of pod?.volumes ?? []) {
        if (persistentVolumeClaim) expect(claims).toContain(persistentVolumeClaim.claimName)
      }
    }
  })
})

describe('the commands in examples/kubernetes', () => {
  const count = job.spec?.completions ?? 0
  const argvOf = (index: number): string[] => {
    const environment = environmentOf(worker, settings, index)
    const [program, command, ...argv] = wordsOf(worker, environment)
    expect([program, command]).toEqual(['ossup', 'upload'])
    return argv
  }

  it('name as many shards as the Job has workers, each once', () => {
    expect(job.spec?.parallelism).toBe(count)
    const shards = Array.from({ length: count }, (_, index) => {
      const argv = argvOf(index)
      return argv[argv.indexOf('--shard') + 1]
    })
    expect(shards).toEqual(Array.from({ length: count }, (_, index) => `${index}/${count}`))
  })

  it('leave no variable unexpanded', () => {
    for (const word of argvOf(0)) expect(word).not.toContain('$(')
  })

  it('are understood by ossup upload', () => {
    const environment = environmentOf(worker, settings, 3)
    const args = parseUploadArgs(argvOf(3), environment)
    expect(args).toMatchObject({
      path: settings.data?.['FILE'],
      bucket: 'examplebucket',
      key: 'backup/volume.img',
      region: settings.data?.['OSS_REGION'],
      checkpointDir: '/checkpoint',
      internal: true,
      shard: { index: 3, count },
    })
  })

  it('are understood by ossup plan and ossup doctor', () => {
    const lines = (containerOf(check).args?.[0] ?? '').split('\n')
    const tables = { plan: planOptions, doctor: doctorOptions }
    for (const [name, table] of Object.entries(tables)) {
      const [, ...words] = lines.find((line) => line.startsWith(`ossup ${name} `))?.split(' ') ?? []
      expect(() => parseOptions(words.slice(1), table, '')).not.toThrow()
    }
  })

  it('run an image of the file that is built', () => {
    const [, names = ''] = /^COPY \S+ (.*) \S+$/m.exec(read('Dockerfile')) ?? []
    const builder = readFileSync(join(repositoryRoot, '.ci/build-standalone.ts'), 'utf8')
    for (const name of names.split(' ')) expect(builder).toContain(`'${name}'`)
    expect(existsSync(join(repositoryRoot, '.ci/build-standalone.ts'))).toBe(true)
    expect(containerOf(check).image).toBe(worker.image)
  })
})
