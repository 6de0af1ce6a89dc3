import { Group, Stack, Text } from '@mantine/core'
import { FINISHED } from '../api/jobs'
import type { JobAnswer } from '../api/schema'
import { bytes, duration, rows } from '../words/format'
import { Lasting } from './Ago'
import { JobProgress } from './JobProgress'
import { JobStatus } from './JobStatus'
import { usePace } from './useJob'

/** How far the job has come, how fast it is and how long it will take. */
export function Headway({ job }: { job: JobAnswer }) {
  const pace = usePace(job)
  const running = !FINISHED.has(job.status)
  return (
    <section className="panel" aria-label="Progress">
      <Stack gap="md">
        <Group justify="space-between">
          <Text component="div" fw={600} role="status">
            <JobStatus job={job} />
          </Text>
          <Text component="div" size="sm" c="dimmed" className="numbers">
            {running && pace.leftMs !== null ? `about ${duration(pace.leftMs)} left` : running ? '' : null}
            {!running && job.started_at && (
              <>
                took <Lasting from={job.started_at} to={job.finished_at} />
              </>
            )}
          </Text>
        </Group>
        <JobProgress job={job} size="lg" />
        <dl className="figures">
          <Figure name="Rows">
            {rows(job.records_processed)}
            {job.records_total !== null && <span className="quiet"> of {rows(job.records_total)}</span>}
          </Figure>
          <Figure name="Rejected">{rows(job.records_rejected)}</Figure>
          <Figure name="Bytes">{bytes(job.bytes_processed)}</Figure>
          {running ? (
            <Figure name="Rows per second">
              {pace.rowsPerSecond === null ? '–' : rows(Math.round(pace.rowsPerSecond))}
            </Figure>
          ) : (
            <Figure name="Attempts">
              {job.attempt}
              <span className="quiet"> of {job.max_attempts}</span>
            </Figure>
          )}
        </dl>
      </Stack>
    </section>
  )
}

function Figure({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
