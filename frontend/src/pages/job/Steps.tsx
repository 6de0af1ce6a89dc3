import { Text, Timeline } from '@mantine/core'
import type { ReactNode } from 'react'
import { FINISHED } from '../../api/jobs'
import type { JobAnswer } from '../../api/schema'
import { Ago, Lasting } from '../../parts/Ago'
import { stageWord } from '../../parts/JobStatus'
import { Section } from '../../parts/Page'

const ENDS = { COMPLETED: 'Completed', FAILED: 'Failed', CANCELLED: 'Cancelled' } as const

interface Step {
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
          <Timeline.Item key={step.title} title={step.title}>
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
  const steps: Step[] = [{ title: 'Asked for', note: <Ago at={job.created_at} /> }]
  if (job.started_at === null && !FINISHED.has(job.status)) {
    steps.push({ title: 'Waiting for a worker', note: <Lasting from={job.created_at} to={null} /> })
  }
  if (job.started_at !== null) {
    steps.push({
      title: 'First attempt begun',
      note: (
        <>
          after <Lasting from={job.created_at} to={job.started_at} />
        </>
      ),
    })
  }
  if (job.attempt > 1) {
    steps.push({
      title: `Attempt ${job.attempt} of ${job.max_attempts}`,
      note: job.error?.title ?? 'The one before was given up.',
    })
  }
  if (job.status === 'PENDING' && job.started_at !== null) {
    steps.push({ title: 'Waiting for another attempt', note: job.error?.title ?? 'It was handed back.' })
  }
  if (job.status === 'PROCESSING') {
    const note = job.cancel_requested ? 'It was asked to stop.' : `${job.progress} %`
    steps.push({ title: stageWord(job.stage), note: <span className="numbers">{note}</span> })
  }
  if (job.status in ENDS && job.finished_at !== null) {
    steps.push({ title: ENDS[job.status as keyof typeof ENDS], note: <Ago at={job.finished_at} /> })
  }
  if (job.callback !== null) {
    const { state, attempts } = job.callback
    steps.push({ title: `Callback ${state}`, note: `${attempts} ${attempts === 1 ? 'call' : 'calls'}` })
  }
  if (job.expires_at !== null) {
    const gone = Date.parse(job.expires_at) < Date.now()
    steps.push({
      title: gone ? 'Files deleted' : 'Files are kept',
      note: (
        <>
          {gone ? '' : 'until '}
          <Ago at={job.expires_at} />
        </>
      ),
    })
  }
  return steps
}
