import { Stack, Text } from '@mantine/core'
import type { AttemptAnswer, JobAnswer } from '../../api/schema'
import { Ago, Lasting } from '../../parts/Ago'
import { stageWord } from '../../parts/JobStatus'
import { useProblem } from '../../parts/useProblem'
import { endOf, phasesOf } from '../../words/attempt'
import { rows } from '../../words/format'
import './attempt.css'

/** How one attempt went; `job` with the latest, whose phases are known. */
export function Attempt({ attempt, job }: { attempt: AttemptAnswer; job: JobAnswer | null }) {
  const { word, looks } = endOf(attempt)
  const { outcome, stage, records_processed: records } = attempt
  const stopped = outcome !== null && outcome !== 'completed'
  return (
    <Stack gap={2}>
      <span>
        <span className="status" data-status={looks}>
          {word}
        </span>{' '}
        {outcome === null ? 'for' : 'after'} <Lasting from={attempt.started_at} to={attempt.ended_at} />
        {stopped && stage !== 'queued' && ` while ${stageWord(stage).toLowerCase()}`}
        {stopped && records > 0 && `, at ${rows(records)} rows`}
      </span>
      {job && <Phases job={job} />}
      {outcome === 'handed_back' && <span>Its worker was asked to stop; it does not count.</span>}
      {attempt.code && <Why code={attempt.code} />}
      <Text component="span" size="xs" c="dimmed">
        begun <Ago at={attempt.started_at} />
        {attempt.worker && (
          <>
            {' '}
            on <span className="mono">{attempt.worker}</span>
          </>
        )}
      </Text>
    </Stack>
  )
}

function Why({ code }: { code: string }) {
  const problem = useProblem(code)
  return (
    <span>
      {problem?.title} <span className="mono">{code}</span>
    </span>
  )
}

function Phases({ job }: { job: JobAnswer }) {
  const phases = phasesOf(job)
  if (phases.length === 0) return null
  return (
    <ol className="phases" aria-label="What it has spent its time with">
      {phases.map((phase) => (
        <li key={phase.stage} {...(phase.to === null ? { 'aria-current': 'step' as const } : {})}>
          <span>{stageWord(phase.stage)}</span>
          {phase.to === null && <span className="numbers">{job.progress} %</span>}
          <Lasting from={phase.from} to={phase.to} />
        </li>
      ))}
    </ol>
  )
}
