import { Progress } from '@mantine/core'
import { FINISHED } from '../api/jobs'
import type { JobAnswer } from '../api/schema'

/** How far a job has come, as a bar. */
export function JobProgress({ job, size = 'sm' }: { job: JobAnswer; size?: 'sm' | 'md' | 'lg' }) {
  const colour = job.status === 'FAILED' ? 'var(--bad)' : job.status === 'COMPLETED' ? 'var(--good)' : undefined
  const value = job.status === 'CANCELLED' ? 0 : job.progress
  return (
    <Progress.Root size={size} radius="xl">
      <Progress.Section
        value={value}
        animated={job.status === 'PROCESSING' && !FINISHED.has(job.status)}
        aria-label={`Progress of the ${job.type} of ${job.dataset}`}
        {...(colour ? { color: colour } : {})}
      />
    </Progress.Root>
  )
}
