/** Conditions as somebody picks them, and as the text of a filter. */

import type { ColumnAnswer } from '../../api/schema'

export interface Condition {
  id: number
  column: string
  operator: string
  value: string
}

export interface Operator {
  value: string
  label: string
  /** How many values it takes: none, one, two, or a list. */
  takes: 'nothing' | 'one' | 'two' | 'list'
}

const ONE = 'one' as const
const SAME: Operator[] = [
  { value: '=', label: 'is', takes: ONE },
  { value: '<>', label: 'is not', takes: ONE },
  { value: 'IN', label: 'is one of', takes: 'list' },
]
const ORDERED: Operator[] = [
  { value: '>', label: 'is greater than', takes: ONE },
  { value: '>=', label: 'is at least', takes: ONE },
  { value: '<', label: 'is less than', takes: ONE },
  { value: '<=', label: 'is at most', takes: ONE },
  { value: 'BETWEEN', label: 'is between', takes: 'two' },
]
const TEXT: Operator[] = [
  { value: 'contains', label: 'contains', takes: ONE },
  { value: 'starts', label: 'starts with', takes: ONE },
  { value: 'ends', label: 'ends with', takes: ONE },
]
const TRUTH: Operator[] = [
  { value: 'IS TRUE', label: 'is true', takes: 'nothing' },
  { value: 'IS FALSE', label: 'is false', takes: 'nothing' },
]
const NULLS: Operator[] = [
  { value: 'IS NULL', label: 'is empty', takes: 'nothing' },
  { value: 'IS NOT NULL', label: 'is not empty', takes: 'nothing' },
]

export function operatorsOf(type: string): Operator[] {
  if (type === 'boolean') return [...TRUTH, ...NULLS]
  if (type === 'binary') return [...SAME, ...NULLS]
  return type === 'string' ? [...SAME, ...TEXT, ...ORDERED, ...NULLS] : [...SAME, ...ORDERED, ...NULLS]
}

export function isNumber(type: string): boolean {
  return type === 'int64' || type === 'float64' || type.startsWith('decimal')
}

const PLAIN = /^[a-z_][a-z0-9_]*$/
const WORDS = new Set(
  'and or not in between like escape is distinct from null true false date timestamp timestamptz time user order group select'.split(
    ' ',
  ),
)

/** A name as a filter has it: in double quotes unless it is plain and no word of SQL. */
export function name(column: string): string {
  return PLAIN.test(column) && !WORDS.has(column) ? column : `"${column.replaceAll('"', '""')}"`
}

const A_NUMBER = /^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** A value as a filter has it; text that is no number stays text, and krai says what it takes instead. */
export function literal(value: string, type: string): string {
  const trimmed = value.trim()
  if (isNumber(type) && A_NUMBER.test(trimmed)) return trimmed.startsWith('.') ? `0${trimmed}` : trimmed
  const text = type === 'string' ? value : trimmed
  return `'${text.replaceAll("'", "''")}'`
}

function pattern(value: string): string {
  return value.replace(/[\\%_]/g, '\\$&').replaceAll("'", "''")
}

/** Comma-separated values; double quotes keep a comma in one. */
export function list(value: string): string[] {
  return [...value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g)]
    .map(([, quoted, plain]) => (quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"')))
    .filter((one) => one !== '')
}

/** One condition as text; null while it is not finished. */
export function conditionText(condition: Condition, columns: readonly ColumnAnswer[]): string | null {
  const column = columns.find((one) => one.name === condition.column)
  const operator = column && operatorsOf(column.type).find((one) => one.value === condition.operator)
  if (!column || !operator) return null
  const left = name(column.name)
  const { value } = condition
  if (operator.takes === 'nothing') return `${left} ${operator.value}`
  const values = operator.takes === 'one' ? [value] : list(value)
  if (values.length === 0 || (value.trim() === '' && column.type !== 'string')) return null
  switch (operator.value) {
    case 'contains':
      return `${left} LIKE '%${pattern(value)}%'`
    case 'starts':
      return `${left} LIKE '${pattern(value)}%'`
    case 'ends':
      return `${left} LIKE '%${pattern(value)}'`
    case 'IN':
      return `${left} IN (${values.map((one) => literal(one, column.type)).join(', ')})`
    case 'BETWEEN': {
      const [from, to] = values
      return from === undefined || to === undefined
        ? null
        : `${left} BETWEEN ${literal(from, column.type)} AND ${literal(to, column.type)}`
    }
    default:
      return `${left} ${operator.value} ${literal(value, column.type)}`
  }
}

/** All conditions that are finished, as one filter; empty when there is none. */
export function filterText(
  conditions: readonly Condition[],
  joint: 'AND' | 'OR',
  columns: readonly ColumnAnswer[],
): string {
  return conditions
    .map((condition) => conditionText(condition, columns))
    .filter((text) => text !== null)
    .join(` ${joint} `)
}
