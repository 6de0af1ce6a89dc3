/** Calls of `/api/v1/jobs`, and what is kept of their answers. */

import { type InfiniteData, infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'
import type { JobAnswer, JobList, Kind, Status } from './schema'

export interface JobFilters {
  type?: Kind
  status?: Status
  dataset?: string
  label?: string
}

export type JobPages = InfiniteData<JobList, string | null>

export const PAGE_SIZE = 100
export const FINISHED: ReadonlySet<Status> = new Set(['COMPLETED', 'FAILED', 'CANCELLED'])

export const jobsKey = (filters: JobFilters) => ['jobs', filters] as const
export const jobKey = (id: string) => ['job', id] as const

export function listJobs(filters: JobFilters, pageToken: string | null, signal?: AbortSignal): Promise<JobList> {
  const query = { ...filters, page_size: PAGE_SIZE, ...(pageToken === null ? {} : { page_token: pageToken }) }
  return answer(client.GET('/api/v1/jobs', { params: { query }, ...(signal ? { signal } : {}) }))
}

export function jobsQuery(filters: JobFilters) {
  return infiniteQueryOptions({
    queryKey: jobsKey(filters),
    queryFn: ({ pageParam, signal }) => listJobs(filters, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_page_token,
    // What is new comes by the live connection; all pages are not asked for again because a window is looked at.
    refetchOnWindowFocus: false,
    staleTime: 0,
  })
}

export function jobQuery(id: string) {
  return queryOptions({
    queryKey: jobKey(id),
    queryFn: ({ signal }) => answer(client.GET('/api/v1/jobs/{job_id}', { params: { path: { job_id: id } }, signal })),
  })
}

export function resultQuery(job: Pick<JobAnswer, 'job_id' | 'status'>) {
  return queryOptions({
    queryKey: ['job', job.job_id, 'result'],
    queryFn: ({ signal }) =>
      answer(client.GET('/api/v1/jobs/{job_id}/result', { params: { path: { job_id: job.job_id } }, signal })),
    enabled: job.status === 'COMPLETED',
    // Links live fifteen minutes.
    refetchInterval: 10 * 60_000,
    retry: false,
  })
}

export function rejectsQuery(job: JobAnswer) {
  return infiniteQueryOptions({
    queryKey: ['job', job.job_id, 'errors'],
    queryFn: ({ pageParam, signal }) =>
      answer(
        client.GET('/api/v1/jobs/{job_id}/errors', {
          params: {
            path: { job_id: job.job_id },
            query: { page_size: 100, ...(pageParam === null ? {} : { page_token: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_page_token ?? null,
    retry: false,
  })
}

const path = (id: string) => ({ params: { path: { job_id: id } } })

export const cancelJob = (id: string) => answer(client.POST('/api/v1/jobs/{job_id}/cancel', path(id)))
export const retryJob = (id: string) => answer(client.POST('/api/v1/jobs/{job_id}/retry', path(id)))

/** A new job that imports the rejects of job `id`, mended and uploaded; with the same `key` there is one, however often it is sent. */
export const retryMended = (id: string, uploadId: string, key: string) =>
  answer(
    client.POST('/api/v1/jobs/{job_id}/retry', {
      params: { path: { job_id: id }, header: { 'Idempotency-Key': key } },
      body: { source: { upload_id: uploadId } },
    }),
  )

export const undoJob = (id: string) => answer(client.POST('/api/v1/jobs/{job_id}/undo', path(id)))
export const deleteJob = (id: string) => answer(client.DELETE('/api/v1/jobs/{job_id}', path(id)))
