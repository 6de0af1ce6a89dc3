import { expect, test } from 'vitest'
import type { ForecastResult } from '../../api/schema'
import { datasetFor, EMPTY, isDatasetName, lookingAt, requestOf, sourcesOf } from './form'

test.each([
  ['Orders 2026.csv.gz', 'orders_2026'],
  ['2026-users.parquet', 'users'],
  ['Müller & Söhne.xlsx', 'mu_ller_so_hne'],
  ['...', 'imported'],
  ['日本.csv', 'imported'],
])('%s goes into %s', (file, dataset) => {
  expect(datasetFor(file)).toBe(dataset)
  expect(isDatasetName(dataset)).toBe(true)
})

test('only what is said is in the request', () => {
  expect(requestOf({ ...EMPTY, dataset: 'users' }, 'u1', false)).toEqual({
    dataset: 'users',
    source: { upload_id: 'u1' },
  })
})

test('all that is said is in it', () => {
  const form = {
    ...EMPTY,
    dataset: 'users',
    mode: 'upsert' as const,
    key: ['id'],
    evolve: true,
    sheet: '2',
    nulls: ['NULL'],
    names: { a: null },
    maxErrors: '0',
  }
  expect(requestOf(form, 'u1', true)).toEqual({
    dataset: 'users',
    source: { upload_id: 'u1' },
    mode: 'upsert',
    key: ['id'],
    evolve: true,
    columns: { a: null },
    csv: { null: ['', 'NULL'] },
    sheet: 2,
    max_errors: 0,
    dry_run: true,
  })
})

test('a key belongs to an upsert, and new columns not to a replace', () => {
  const request = requestOf({ ...EMPTY, mode: 'replace', key: ['id'], evolve: true }, 'u1', false)
  expect(request).not.toHaveProperty('key')
  expect(request).not.toHaveProperty('evolve')
})

test('how many rows may be rejected is not said where none may be', () => {
  const request = requestOf({ ...EMPTY, onError: 'abort', maxErrors: '7' }, 'u1', false)
  expect(request.on_error).toBe('abort')
  expect(request).not.toHaveProperty('max_errors')
})

test('columns are known by their names in the file', () => {
  const forecast = { preview: { columns: ['id', 'email'], rows: [] } } as unknown as ForecastResult
  expect(sourcesOf(forecast, { 'E-Mail': 'email', Notes: null })).toEqual(['id', 'E-Mail', 'Notes'])
})

test('the file is looked at where nothing is in its way', () => {
  const form = { ...EMPTY, dataset: 'users', mode: 'upsert' as const, key: ['id'], names: { a: 'b' }, delimiter: ';' }
  const looking = lookingAt(form)
  expect(isDatasetName(looking.dataset)).toBe(true)
  expect(looking.dataset).not.toBe('users')
  expect(requestOf(looking, 'u1', true)).toEqual({
    dataset: looking.dataset,
    source: { upload_id: 'u1' },
    csv: { delimiter: ';' },
    dry_run: true,
  })
})
