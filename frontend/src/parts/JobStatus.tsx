import { Tooltip } from '@mantine/core'
import type { JobAnswer } from '../api/schema'

const WORDS = {
  PENDING: 'Waiting',
  PROCESSING: 'Running',
  COMPLETED: 'Completed',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
} as const

const STAGES = {
  queued: 'Starting',
  fetching: 'Fetching',
  reading: 'Reading',
  writing: 'Writing',
  uploading: 'Storing',
  committing: 'Committing',
  done: 'Done',
} as const

export function stageWord(stage: JobAnswer['stage']): string {
  return STAGES[stage]
}

export function statusWord(job: JobAnswer): string {
  if (job.cancel_requested && (job.status === 'PROCESSING' || job.status === 'PENDING')) return 'Stopping'
  return job.status === 'PROCESSING' && job.stage !== 'queued' ? STAGES[job.stage] : WORDS[job.status]
}

export function statusReason(job: JobAnswer): string | null {
  if (job.error !== null) return `${job.error.title}. ${job.error.detail}`
  return job.status === 'COMPLETED' && job.records_rejected > 0 ? `${job.records_rejected} rows were rejected` : null
}

export function JobStatus({ job }: { job: JobAnswer }) {
  const reason = statusReason(job)
  const word = (
    <span className="status" data-status={job.status}>
      {statusWord(job)}
    </span>
  )
  if (reason === null) return word
  return (
    <Tooltip label={reason} multiline maw={360} events={{ hover: true, focus: true, touch: true }}>
      {word}
    </Tooltip>
  )
}
