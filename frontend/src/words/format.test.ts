import { expect, test } from 'vitest'
import { ago, bytes, duration, rows } from './format'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [9995, '10.0 kB'],
  [70_300, '70.3 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [1_234_567_890, '1.23 GB'],
])('%d bytes are %s', (size, text) => expect(bytes(size)).toBe(text))

test.each([
  [0, '0.0 s'],
  [1234, '1.2 s'],
  [9960, '10 s'],
  [59_600, '1 min'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [86_400_000 + 59_000, '1 d'],
  [-5, '0.0 s'],
])('%d ms last %s', (milliseconds, text) => expect(duration(milliseconds)).toBe(text))

test.each([
  [3, 'just now'],
  [-3, 'just now'],
  [59, '59 seconds ago'],
  [61, '1 minute ago'],
  [-2 * 3600, 'in 2 hours'],
  [26 * 3600, 'yesterday'],
])('%d seconds back are %s', (seconds, text) => {
  const now = new Date('2026-11-26T12:00:00Z')
  expect(ago(new Date(now.getTime() - seconds * 1000), now)).toBe(text)
})

test('rows have separators', () => expect(rows(1234567)).toBe('1,234,567'))
