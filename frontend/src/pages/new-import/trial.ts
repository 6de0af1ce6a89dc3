/** Dry runs: what the import would do, and which columns the file has. */

import { useQuery } from '@tanstack/react-query'
import { resultQuery } from '../../api/jobs'
import type { ForecastResult, JobAnswer } from '../../api/schema'
import { useJob } from '../../parts/useJob'
import { EMPTY, type Form } from './form'

/** A dry run, and what it was asked with: another request may do something else. */
export interface Tried {
  jobId: string
  text: string
  names: Form['names']
}

/** The job of a dry run as it goes on, and what came of it. */
export function useTried(tried: Tried | null): {
  job: JobAnswer | null
  forecast: ForecastResult | null
  error: Error | null
} {
  const job = useJob(tried?.jobId ?? null)
  const result = useQuery({ ...resultQuery(job.data ?? NO_JOB), enabled: job.data?.status === 'COMPLETED' })
  const forecast = result.data?.type === 'import' && 'preview' in result.data ? result.data : null
  return { job: job.data ?? null, forecast, error: job.error ?? result.error }
}

const NO_JOB = { job_id: '', status: 'PENDING' } as const

/** The columns of the file by their own names, in its order as far as a dry run tells it. */
export function sourcesOf(forecast: ForecastResult, names: Form['names']): string[] {
  const back = new Map(Object.entries(names).map(([source, target]) => [target, source]))
  const leftOut = Object.keys(names).filter((source) => names[source] === null)
  return [...forecast.preview.columns.map((target) => back.get(target) ?? target), ...leftOut]
}

/** The form with which the file says what it has, into a dataset that is not there: nothing can be in its way. */
export function lookingAt(form: Form): Form {
  const { mode, key, evolve, names, types } = EMPTY
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    String.fromCharCode(97 + (byte % 26)),
  )
  return { ...form, mode, key, evolve, names, types, dataset: `dry_run_${letters.join('')}` }
}
