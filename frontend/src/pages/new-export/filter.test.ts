import { expect, test } from 'vitest'
import type { ColumnAnswer } from '../../api/schema'
import { type Condition, conditionText, filterText, list, literal, name } from './filter'

const columns = [
  { name: 'id', type: 'int64', nullable: false },
  { name: 'Order Id', type: 'string', nullable: true },
  { name: 'price', type: 'decimal(12,2)', nullable: true },
  { name: 'paid', type: 'boolean', nullable: true },
  { name: 'day', type: 'date', nullable: true },
] as ColumnAnswer[]

const condition = (column: string, operator: string, value = ''): Condition => ({ id: 1, column, operator, value })

test.each([
  ['id', '=', ' 7 ', 'id = 7'],
  ['id', '>=', '-1e3', 'id >= -1e3'],
  ['price', '<', '.5', 'price < 0.5'],
  ['id', '=', 'abc', "id = 'abc'"],
  ['Order Id', '=', "O'Hara", `"Order Id" = 'O''Hara'`],
  ['Order Id', '=', '', `"Order Id" = ''`],
  ['Order Id', 'contains', "100%_'\\", `"Order Id" LIKE '%100\\%\\_''\\\\%'`],
  ['Order Id', 'starts', 'a', `"Order Id" LIKE 'a%'`],
  ['Order Id', 'ends', 'z', `"Order Id" LIKE '%z'`],
  ['Order Id', 'IN', 'a, "b, c", ', `"Order Id" IN ('a', 'b, c')`],
  ['id', 'BETWEEN', '1, 2', 'id BETWEEN 1 AND 2'],
  ['day', '>', '2026-01-31', "day > '2026-01-31'"],
  ['paid', 'IS TRUE', '', 'paid IS TRUE'],
  ['id', 'IS NOT NULL', '', 'id IS NOT NULL'],
])('%s %s %s', (column, operator, value, text) => {
  expect(conditionText(condition(column, operator, value), columns)).toBe(text)
})

test.each([
  ['gone', '=', '1'],
  ['paid', 'contains', 'x'],
  ['id', '=', ' '],
  ['id', 'BETWEEN', '1'],
  ['id', 'IN', ' , '],
])('%s %s "%s" is not finished', (column, operator, value) => {
  expect(conditionText(condition(column, operator, value), columns)).toBeNull()
})

test('conditions that are finished make a filter', () => {
  const conditions = [condition('id', '>', '3'), condition('id', '='), condition('paid', 'IS FALSE')]
  expect(filterText(conditions, 'OR', columns)).toBe('id > 3 OR paid IS FALSE')
  expect(filterText([], 'AND', columns)).toBe('')
})

test.each([
  ['email', 'email'],
  ['Email', '"Email"'],
  ['order', '"order"'],
  ['a"b', '"a""b"'],
  ['straße', '"straße"'],
])('the name %s is written %s', (column, text) => expect(name(column)).toBe(text))

test('a list keeps what is in quotes', () =>
  expect(list('a,"say ""hi"", you" , b')).toEqual(['a', 'say "hi", you', 'b']))
test('text keeps its spaces', () => expect(literal(' x ', 'string')).toBe("' x '"))
