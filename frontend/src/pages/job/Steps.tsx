import { Text, Timeline } from '@mantine/core'
import type { ReactNode } from 'react'
import { FINISHED } from '../../api/jobs'
import type { JobAnswer } from '../../api/schema'
import { Ago, Lasting } from '../../parts/Ago'
import { Section } from '../../parts/Page'
import { Attempt } from './Attempt'

const ENDS = { COMPLETED: 'Completed', FAILED: 'Failed', CANCELLED: 'Cancelled' } as const

interface Step {
  key: string
  title: string
  note: ReactNode
}

/** What has become of the job, from its request to its end. */
export function Steps({ job }: { job: JobAnswer }) {
  const steps = stepsOf(job)
  return (
    <Section title="Timeline">
      <Timeline active={steps.length - 1} bulletSize={14} lineWidth={2}>
        {steps.map((step) => (
          <Timeline.Item key={step.key} title={step.title}>
            <Text component="div" size="sm" c="dimmed">
              {step.note}
            </Text>
          </Timeline.Item>
        ))}
      </Timeline>
    </Section>
  )
}

function stepsOf(job: JobAnswer): Step[] {
  const steps: Step[] = [{ key: 'asked', title: 'Asked for', note: <Ago at={job.created_at} /> }]
  const latest = job.attempts.at(-1)
  for (const attempt of job.attempts) {
    steps.push({
      key: attempt.started_at,
      title: `Attempt ${attempt.number}${attempt.number > 1 ? ` of ${job.max_attempts}` : ''}`,
      note: <Attempt attempt={attempt} job={attempt === latest ? job : null} />,
    })
  }
  if (job.status === 'PENDING') {
    const again = latest?.ended_at ?? null
    steps.push({
      key: 'waiting',
      title: again === null ? 'Waiting for a worker' : 'Waiting for another attempt',
      note: <Lasting from={again ?? job.created_at} to={null} />,
    })
  }
  if (job.cancel_requested && !FINISHED.has(job.status)) {
    steps.push({ key: 'stopping', title: 'Asked to stop', note: 'It stops within seconds, unless it is committing.' })
  }
  if (job.status in ENDS && job.finished_at !== null) {
    const title = ENDS[job.status as keyof typeof ENDS]
    steps.push({ key: 'ended', title, note: <Ago at={job.finished_at} /> })
  }
  if (job.callback !== null) {
    const { state, attempts } = job.callback
    const note = `${attempts} ${attempts === 1 ? 'call' : 'calls'}`
    steps.push({ key: 'callback', title: `Callback ${state}`, note })
  }
  if (job.expires_at !== null) {
    const gone = Date.parse(job.expires_at) < Date.now()
    steps.push({
      key: 'files',
      title: gone ? 'Files deleted' : 'Files are kept',
      note: (
        <>
          {gone ? '' : 'deleted '}
          <Ago at={job.expires_at} />
        </>
      ),
    })
  }
  return steps
}
