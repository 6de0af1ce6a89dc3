import { expect, test } from 'vitest'
import { paceOf, type Seen, see } from './pace'

const seen = (...steps: [number, number, number][]) =>
  steps.reduce<Seen[]>((before, [at, records, percent]) => see(before, { at, records, percent }), [])

test('nothing is said before enough was seen', () => {
  expect(paceOf([], 100)).toEqual({ rowsPerSecond: null, leftMs: null })
  expect(paceOf(seen([0, 0, 0], [1000, 50, 5]), 100)).toEqual({ rowsPerSecond: null, leftMs: null })
})

test('with a known number of rows it is rows that tell what is left', () => {
  expect(paceOf(seen([0, 0, 0], [2000, 1000, 1], [4000, 2000, 2]), 10_000)).toEqual({
    rowsPerSecond: 500,
    leftMs: 16_000,
  })
})

test('without, it is percent', () => {
  expect(paceOf(seen([0, 0, 0], [4000, 2000, 20]), null)).toEqual({ rowsPerSecond: 500, leftMs: 16_000 })
})

test('a new attempt begins anew', () => {
  expect(seen([0, 0, 0], [2000, 900, 90], [3000, 10, 1])).toEqual([{ at: 3000, records: 10, percent: 1 }])
})

test('only the last seconds count', () => {
  const steady = seen([0, 0, 0], [10_000, 10_000, 10], [30_000, 10_100, 11], [50_000, 10_200, 12])
  expect(paceOf(steady, null).rowsPerSecond).toBe(5)
})

test('what has not moved is not seen again', () => {
  expect(seen([0, 5, 5], [1000, 5, 5])).toHaveLength(1)
})
