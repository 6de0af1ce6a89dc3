import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { FINISHED, type JobFilters, type JobPages, jobQuery, jobsKey, jobsQuery, listJobs } from '../../api/jobs'
import { type Connection, canListen, followAll } from '../../api/live'
import { merged } from '../../api/merge'
import type { JobAnswer } from '../../api/schema'
import { noticed } from '../../session/notice'

const ASK_AGAIN_MS = 2000
const MOST_ASKED = 10

/** The jobs that the filters take, newest first, and as they change. */
export function useJobs(filters: JobFilters) {
  const query = useInfiniteQuery(jobsQuery(filters))
  const jobs = useMemo(() => query.data?.pages.flatMap((page) => page.jobs) ?? [], [query.data])
  const connection = useLive(filters, jobs)
  return { ...query, jobs, connection }
}

function useLive(filters: JobFilters, jobs: readonly JobAnswer[]): Connection {
  const queries = useQueryClient()
  const [connection, setConnection] = useState<Connection>(() => (canListen() ? 'connecting' : 'asking'))
  const tell = useMemo(
    () => (told: JobAnswer) =>
      queries.setQueryData<JobPages>(jobsKey(filters), (pages) => pages && merged(pages, told, filters)),
    [queries, filters],
  )
  useEffect(() => {
    if (!canListen()) return
    const stop = new AbortController()
    const seen = (state: Connection) => {
      setConnection(state)
      // What has changed while nobody listened.
      if (state === 'live')
        void listJobs(filters, null, stop.signal).then(
          (page) => page.jobs.forEach(tell),
          () => {},
        )
    }
    void followAll(tell, seen, stop.signal)
    return () => stop.abort()
  }, [filters, tell])
  useAsking(filters, jobs, tell, setConnection)
  return connection
}

/** Asks again and again where nothing tells; not while the tab is hidden. */
function useAsking(
  filters: JobFilters,
  jobs: readonly JobAnswer[],
  tell: (job: JobAnswer) => void,
  seen: (state: Connection) => void,
): void {
  const queries = useQueryClient()
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the last answer has come
  useEffect(() => {
    if (canListen()) return
    const stop = new AbortController()
    const ask = async () => {
      if (document.hidden) return
      try {
        const { jobs: newest } = await listJobs(filters, null, stop.signal)
        const asked = new Set(newest.map((job) => job.job_id))
        newest.forEach(tell)
        const others = jobs.filter((job) => !FINISHED.has(job.status) && !asked.has(job.job_id)).slice(0, MOST_ASKED)
        for (const job of others) tell(await queries.fetchQuery({ ...jobQuery(job.job_id), staleTime: 0 }))
        seen('asking')
      } catch (error) {
        if (!stop.signal.aborted && !noticed(error)) seen('lost')
      }
    }
    const timer = setInterval(ask, ASK_AGAIN_MS)
    return () => {
      clearInterval(timer)
      stop.abort()
    }
  }, [filters, jobs, tell])
}
