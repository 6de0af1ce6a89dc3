/** How fast a job is and how long it will take, from what has been seen of it. */

export interface Seen {
  at: number // milliseconds
  records: number
  percent: number
}

export interface Pace {
  rowsPerSecond: number | null
  leftMs: number | null
}

const WINDOW_MS = 20_000
const LEAST_MS = 1500

/** `seen` with one more; a new attempt begins anew, and what is older than the window goes. */
export function see(seen: readonly Seen[], next: Seen): Seen[] {
  const last = seen.at(-1)
  if (last && (next.records < last.records || next.percent < last.percent)) return [next]
  if (last && next.records === last.records && next.percent === last.percent) return [...seen]
  return [...seen.filter((one) => next.at - one.at <= WINDOW_MS), next]
}

/** By rows where their number is known, else by percent; null while too little has been seen. */
export function paceOf(seen: readonly Seen[], total: number | null): Pace {
  const first = seen[0]
  const last = seen.at(-1)
  if (!first || !last || last.at - first.at < LEAST_MS) return { rowsPerSecond: null, leftMs: null }
  const elapsed = last.at - first.at
  const records = (last.records - first.records) / elapsed
  const percent = (last.percent - first.percent) / elapsed
  const byRows = total !== null && records > 0 ? Math.max(0, total - last.records) / records : null
  const byPercent = percent > 0 ? (100 - last.percent) / percent : null
  return { rowsPerSecond: records > 0 ? records * 1000 : null, leftMs: byRows ?? byPercent }
}
