/** Dry runs: what the import would do, and which columns the file has. */

import { useQuery } from '@tanstack/react-query'
import { resultQuery } from '../../api/jobs'
import type { ForecastResult, JobAnswer } from '../../api/schema'
import { useJob } from '../../parts/useJob'
import type { Form } from './form'

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
