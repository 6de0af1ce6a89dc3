import { expect, test } from 'vitest'
import { exportCommand } from './command'

test('an export of everything', () =>
  expect(exportCommand({ dataset: 'users' })).toBe('krai export users \\\n  -o users.csv'))

test('all that the command has a flag for', () => {
  const body = {
    dataset: 'users',
    format: 'ndjson',
    compression: 'gzip',
    columns: ['id', 'E-Mail'],
    filter: "name = 'O''Hara'",
    order_by: ['-id'],
    limit: 5,
    labels: { team: 'sales' },
  }
  expect(exportCommand(body)?.split(' \\\n  ')).toEqual([
    'krai export users',
    '-o users.ndjson.gz',
    '--format ndjson',
    '--compression gzip',
    '--columns id,E-Mail',
    `--filter 'name = '\\''O'\\'''\\''Hara'\\'''`,
    '--order-by=-id',
    '--limit 5',
    '--label team=sales',
  ])
})

test('how CSV is written', () => {
  const csv = { delimiter: ';', header: false, null: '', profile: 'spreadsheet' }
  expect(exportCommand({ dataset: 'users', csv })).toContain(
    "--csv-delimiter ';' \\\n  --no-csv-header \\\n  --csv-null '' \\\n  --csv-profile spreadsheet",
  )
})

test('many files go into a folder', () =>
  expect(exportCommand({ dataset: 'users', split_rows: 9 })).toContain('-o users \\'))

test.each([{ size_mb: 3 }, { columns: ['a,b'] }, { callback_url: 'https://x' }])('%o cannot be said', (more) => {
  expect(exportCommand({ dataset: 'users', ...more })).toBeNull()
})
