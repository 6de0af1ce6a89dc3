import { expect, test } from 'vitest'
import type { AttemptAnswer } from '../api/schema'
import { endOf, phasesOf } from './attempt'

const attempt: AttemptAnswer = {
  number: 1,
  worker: null,
  started_at: '2026-01-01T00:00:00Z',
  ended_at: null,
  outcome: null,
  code: null,
  stage: 'queued',
  records_processed: 0,
}

test('an attempt is under way until it has an outcome', () => {
  expect(endOf({ outcome: null })).toEqual({ word: 'Under way', looks: 'PROCESSING' })
  expect(endOf({ outcome: 'lost' })).toEqual({ word: 'Worker lost', looks: 'FAILED' })
  expect(endOf({ outcome: 'handed_back' }).looks).toBe('CANCELLED')
})

test('a phase lasts until the next one, and the last one until the end of the attempt', () => {
  const phases = [
    { stage: 'reading' as const, started_at: '2026-01-01T00:00:01Z' },
    { stage: 'writing' as const, started_at: '2026-01-01T00:00:05Z' },
  ]
  expect(phasesOf({ attempts: [attempt], phases })).toEqual([
    { stage: 'queued', from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:01Z' },
    { stage: 'reading', from: '2026-01-01T00:00:01Z', to: '2026-01-01T00:00:05Z' },
    { stage: 'writing', from: '2026-01-01T00:00:05Z', to: null },
  ])
  const ended = { ...attempt, ended_at: '2026-01-01T00:00:09Z', outcome: 'completed' as const }
  expect(phasesOf({ attempts: [ended], phases }).at(-1)?.to).toBe('2026-01-01T00:00:09Z')
})

test('nothing is said of phases that nobody has seen', () => {
  expect(phasesOf({ attempts: [attempt], phases: [] })).toEqual([])
  expect(phasesOf({ attempts: [], phases: [] })).toEqual([])
})
