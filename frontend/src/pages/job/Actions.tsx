import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { cancelJob, deleteJob, FINISHED, type JobPages, jobKey, retryJob, undoJob } from '../../api/jobs'
import { without } from '../../api/merge'
import type { JobAnswer } from '../../api/schema'
import { Confirmed } from '../../parts/Confirmed'
import { IconCross, IconRetry, IconTrash, IconUndo } from '../../parts/icons'

/** What can be done with a job as it is. */
export function Actions({ job }: { job: JobAnswer }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const id = job.job_id

  async function goTo(asked: Promise<JobAnswer>) {
    const next = await asked
    queries.setQueryData(jobKey(next.job_id), next)
    await navigate({ to: '/jobs/$jobId', params: { jobId: next.job_id } })
  }

  async function remove() {
    await deleteJob(id)
    queries.setQueriesData<JobPages>({ queryKey: ['jobs'] }, (pages) => pages && without(pages, id))
    await navigate({ to: '/' })
    queries.removeQueries({ queryKey: jobKey(id) })
  }

  if (!FINISHED.has(job.status)) {
    if (job.cancel_requested) return null
    return (
      <Confirmed
        label="Cancel"
        icon={<IconCross />}
        question="The job stops within seconds, unless it is already committing. What it has done so far is thrown away."
        verb="Cancel the job"
        run={async () => queries.setQueryData(jobKey(id), await cancelJob(id))}
      />
    )
  }
  const again = job.status === 'FAILED' || job.status === 'CANCELLED'
  const undoable = job.type === 'import' && job.status === 'COMPLETED' && job.params.dry_run !== true
  return (
    <>
      {again && (
        <Confirmed
          label="Retry"
          icon={<IconRetry />}
          question="The same is asked for again, as a new job."
          verb="Retry"
          run={() => goTo(retryJob(id))}
        />
      )}
      {undoable && (
        <Confirmed
          label="Undo"
          icon={<IconUndo />}
          question="A new job takes the rows of this import away, and brings back those that it has replaced. What newer imports have written stays."
          verb="Undo the import"
          run={() => goTo(undoJob(id))}
        />
      )}
      <Confirmed
        label="Delete"
        icon={<IconTrash />}
        question="The job goes from the list, and its files are deleted at once. Rows that it has imported stay. This cannot be taken back."
        verb="Delete"
        danger
        run={remove}
      />
    </>
  )
}
