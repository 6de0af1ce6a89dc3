import { expect, test } from 'vitest'
import { kindOf, readValue, textOf } from './setting'

test.each([
  'Exports pause on Sunday.',
  '',
  '5',
  'true',
  'null',
  '"quoted"',
  '[1',
  5,
  0.5,
  true,
  null,
  [1, 'two'],
  { a: { b: '5' } },
])('%j is written so that it is read as the same', (value) => {
  expect(readValue(textOf(value))).toEqual(value)
})

test('a text has no quotes where it needs none', () => {
  expect(textOf('Closed')).toBe('Closed')
  expect(textOf('5')).toBe('"5"')
})

test.each([
  ['Closed', 'a text'],
  ['"5"', 'a text'],
  ['5', 'a number'],
  ['false', 'yes or no'],
  ['[]', 'a list'],
  ['{"a": 1}', 'an object'],
  ['null', 'nothing (null)'],
])('%s is %s', (text, kind) => {
  expect(kindOf(text)).toBe(kind)
})
