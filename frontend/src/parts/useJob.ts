import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { datasetsQuery } from '../api/datasets'
import { FINISHED, jobKey, jobQuery } from '../api/jobs'
import { followJob } from '../api/live'
import type { JobAnswer } from '../api/schema'
import { type Pace, paceOf, type Seen, see } from '../words/pace'

/** One job, as it changes until it has finished; null: none yet. */
export function useJob(id: string | null) {
  const queries = useQueryClient()
  const query = useQuery({ ...jobQuery(id ?? ''), enabled: id !== null })
  const found = query.isSuccess
  const finished = query.data !== undefined && FINISHED.has(query.data.status)
  useEffect(() => {
    if (id === null || !found || finished) return
    const stop = new AbortController()
    const tell = (told: JobAnswer) => {
      queries.setQueryData<JobAnswer>(jobKey(id), (known) =>
        known && known.updated_at > told.updated_at ? known : told,
      )
      // What it has done to its dataset is not in what is known of that.
      if (FINISHED.has(told.status)) void queries.invalidateQueries({ queryKey: datasetsQuery.queryKey })
    }
    void followJob(id, tell, stop.signal)
    return () => stop.abort()
  }, [id, found, finished, queries])
  return query
}

/** How fast the job is, from what has been seen of it since the page was opened. */
export function usePace(job: JobAnswer): Pace {
  const [seen, setSeen] = useState<Seen[]>([])
  const { records_processed: records, progress: percent, status } = job
  useEffect(() => {
    if (status === 'PROCESSING') setSeen((before) => see(before, { at: Date.now(), records, percent }))
  }, [records, percent, status])
  return paceOf(seen, job.records_total)
}
