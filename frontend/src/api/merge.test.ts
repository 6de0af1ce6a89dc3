import { expect, test } from 'vitest'
import type { JobPages } from './jobs'
import { merged, without } from './merge'
import type { JobAnswer } from './schema'

const job = (id: string, minute: number, changes: Partial<JobAnswer> = {}) =>
  ({
    job_id: id,
    type: 'export',
    status: 'PENDING',
    dataset: 'users',
    labels: { team: 'sales' },
    created_at: `2026-11-26T12:${String(minute).padStart(2, '0')}:00Z`,
    updated_at: `2026-11-26T12:${String(minute).padStart(2, '0')}:00Z`,
    ...changes,
  }) as JobAnswer

const pages = (...lists: JobAnswer[][]): JobPages => ({
  pages: lists.map((jobs, number) => ({ jobs, next_page_token: number < lists.length - 1 ? 'more' : null })),
  pageParams: [null],
})
const ids = (found: JobPages) => found.pages.map((page) => page.jobs.map((one) => one.job_id).join(''))

const known = pages([job('d', 40), job('c', 30)], [job('b', 20), job('a', 10)])

test('a job that is known stays in its place', () => {
  const done = job('b', 20, { status: 'COMPLETED', updated_at: '2026-11-26T12:50:00Z' })
  const found = merged(known, done, {})
  expect(ids(found)).toEqual(['dc', 'ba'])
  expect(found.pages[1]?.jobs[0]?.status).toBe('COMPLETED')
})

test('what is older than what is shown changes nothing', () => {
  const late = job('b', 20, { status: 'PROCESSING', updated_at: '2026-11-26T12:00:00Z' })
  expect(merged(known, late, {}).pages[1]?.jobs[0]?.status).toBe('PENDING')
})

test('a new job is at the top', () => expect(ids(merged(known, job('e', 50), {}))).toEqual(['edc', 'ba']))

test('one that the filters take no more goes', () => {
  const done = job('c', 30, { status: 'COMPLETED', updated_at: '2026-11-26T12:50:00Z' })
  expect(ids(merged(known, done, { status: 'PENDING' }))).toEqual(['d', 'ba'])
})

test.each([
  [{ type: 'import' as const }],
  [{ dataset: 'orders' }],
  [{ label: 'team:marketing' }],
  [{ label: 'region=north' }],
])('a new job that %o does not take does not come', (filters) => {
  expect(ids(merged(known, job('e', 50), filters))).toEqual(['dc', 'ba'])
})

test('a label takes it, with either sign', () => {
  expect(ids(merged(known, job('e', 50), { label: 'team=sales' }))[0]).toBe('edc')
})

test('one that is older than all that is shown waits for its page', () => {
  const cut: JobPages = { pages: [{ jobs: [job('d', 40)], next_page_token: 'more' }], pageParams: [null] }
  expect(ids(merged(cut, job('a', 10), {}))).toEqual(['d'])
})

test('a deleted job is gone', () => expect(ids(without(known, 'c'))).toEqual(['d', 'ba']))
