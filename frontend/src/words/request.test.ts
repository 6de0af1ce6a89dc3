import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import type { JobAnswer } from '../api/schema'
import { bodyOf, concise, curl, curlOf, quoted } from './request'

const job = (changes: object) =>
  ({
    type: 'export',
    dataset: 'users',
    params: {},
    labels: {},
    description: '',
    parent_job_id: null,
    ...changes,
  }) as JobAnswer

test('what goes without saying is not said', () => {
  const params = { format: 'csv', compression: 'none', csv: null, filter: "id > 3 AND name = 'x'", limit: 5 }
  expect(bodyOf(job({ params }))).toEqual({ dataset: 'users', filter: params.filter, limit: 5 })
})

test('what differs from one kind to the other is told apart', () => {
  expect(concise('import', { format: 'csv', compression: 'none' })).toEqual({ format: 'csv', compression: 'none' })
  expect(concise('import', { format: 'auto', mode: 'append', dry_run: false, max_errors: 0 })).toEqual({
    max_errors: 0,
  })
})

test('a shell takes the text as it is', () => {
  for (const text of ["it's", '$HOME `id` "x" \\', 'two\nlines', '; rm -rf']) {
    expect(execFileSync('sh', ['-c', `printf %s ${quoted(text)}`], { encoding: 'utf8' })).toBe(text)
  }
})

test('the command sends the body and keeps the key out of itself', () => {
  const command = curl('https://krai.example', '/api/v1/exports', { dataset: 'users', filter: "name = 'O''Hara'" })
  const sent = execFileSync('sh', ['-c', `curl() { for last; do :; done; printf %s "$last"; }\n${command}`], {
    encoding: 'utf8',
  })
  expect(JSON.parse(sent)).toEqual({ dataset: 'users', filter: "name = 'O''Hara'" })
  expect(command).toContain('$KRAI_API_KEY')
})

test('an undo is asked for at the import', () => {
  expect(curlOf('', job({ type: 'undo', parent_job_id: 'abc' }))).toContain('curl -X POST /api/v1/jobs/abc/undo')
  expect(curlOf('', job({ type: 'drop' }))).toBeNull()
})
