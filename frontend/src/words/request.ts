/** A request to krai as its JSON and as commands for a terminal. */

import type { JobAnswer } from '../api/schema'

type Json = Record<string, unknown>

// What a request need not say, for krai takes it anyway.
const DEFAULTS: Json = {
  compression: { export: 'none', import: 'auto' },
  format: { export: 'csv', import: 'auto' },
  mode: 'append',
  on_error: 'reject',
  evolve: false,
  dry_run: false,
  description: '',
}

function goesWithoutSaying(kind: string, name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true
  const assumed = DEFAULTS[name]
  if (typeof assumed === 'object' && assumed !== null) return (assumed as Json)[kind] === value
  return assumed === value || (typeof value === 'object' && Object.keys(value).length === 0)
}

/** `body` without what goes without saying. */
export function concise(kind: 'export' | 'import', body: object): Json {
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => !goesWithoutSaying(kind, name, value)))
}

/** The body that asks for the same again; null for jobs that no body asks for. */
export function bodyOf(job: JobAnswer): Json | null {
  if (job.type !== 'export' && job.type !== 'import') return null
  const asked = { dataset: job.dataset, ...job.params, labels: job.labels, description: job.description }
  return concise(job.type, asked)
}

/** As one word of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

export function curl(base: string, path: string, body: Json | null): string {
  const lines = [`curl ${body === null ? '-X POST ' : ''}${base}${path}`, `  -H "x-api-key: $KRAI_API_KEY"`]
  if (body !== null)
    lines.push(`  -H 'content-type: application/json'`, `  -d ${quoted(JSON.stringify(body, null, 2))}`)
  return lines.join(' \\\n')
}

/** The command that asks for what the job is; null for a job that nobody can ask for so. */
export function curlOf(base: string, job: JobAnswer): string | null {
  const body = bodyOf(job)
  if (body !== null) return curl(base, `/api/v1/${job.type}s`, body)
  if (job.type === 'undo' && job.parent_job_id) return curl(base, `/api/v1/jobs/${job.parent_job_id}/undo`, null)
  return null
}
