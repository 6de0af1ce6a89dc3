import { ago, duration, moment } from '../words/format'
import { useNow } from './clock'

/** A time as distance from now, with the whole of it on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow()
  const time = new Date(at)
  return (
    <time dateTime={at} title={moment(time)}>
      {ago(time, new Date(now))}
    </time>
  )
}

/** From `from` until `to`, or until now while it goes on. */
export function Lasting({ from, to }: { from: string; to: string | null }) {
  const now = useNow()
  const end = to === null ? Math.max(now, Date.parse(from)) : Date.parse(to)
  return <span className="numbers">{duration(end - Date.parse(from))}</span>
}
