/** What is said of the attempts at a job. */

import type { AttemptAnswer, JobAnswer, Stage } from '../api/schema'

const ENDS = {
  completed: ['Completed', 'COMPLETED'],
  failed: ['Failed', 'FAILED'],
  cancelled: ['Cancelled', 'CANCELLED'],
  handed_back: ['Handed back', 'CANCELLED'],
  lost: ['Worker lost', 'FAILED'],
} as const

/** A word for how it ended, and the status that this looks like. */
export function endOf({ outcome }: Pick<AttemptAnswer, 'outcome'>): { word: string; looks: string } {
  const [word, looks] = outcome === null ? ['Under way', 'PROCESSING'] : ENDS[outcome]
  return { word, looks }
}

export interface Lasted {
  stage: Stage
  from: string
  /** Null: it is at it. */
  to: string | null
}

/** What the latest attempt has spent its time with; before its first stage it was starting. */
export function phasesOf({ attempts, phases }: Pick<JobAnswer, 'attempts' | 'phases'>): Lasted[] {
  const latest = attempts.at(-1)
  const first = phases[0]
  if (!latest || !first) return []
  const begun = [{ stage: 'queued' as const, started_at: latest.started_at }, ...phases]
  return begun.map(({ stage, started_at: from }, at) => ({
    stage,
    from,
    to: begun[at + 1]?.started_at ?? latest.ended_at,
  }))
}
