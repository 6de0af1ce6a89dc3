/** Sends a file in pieces, as resumable uploads of Cloud Storage have it, and goes on where it was interrupted. */

export interface Place {
  url: string
  headers: Record<string, string>
}

export interface Sending {
  place: Place
  file: Blob
  /** Nothing has been sent there yet, so nobody has to be asked how much has arrived. */
  fresh: boolean
  progress: (sentBytes: number) => void
  signal: AbortSignal
  fetch?: typeof fetch
  wait?: (attempt: number) => Promise<void>
}

export const PIECE_BYTES = 4 << 20 // a multiple of 256 KiB, which Cloud Storage wants
const MOST_FAILURES = 8

/** The place takes nothing, or nothing more: another one is needed. */
export class PlaceGone extends Error {}

/** How many bytes have arrived; `done` when the file is complete. */
interface Arrived {
  bytes: number
  done: boolean
}

export async function sendFile(sending: Sending): Promise<void> {
  const { file, progress, signal } = sending
  const wait = sending.wait ?? backOff
  let arrived: Arrived | null = sending.fresh ? { bytes: 0, done: false } : null
  for (let failures = 0; ; ) {
    try {
      arrived ??= await ask(sending)
      while (!arrived.done) {
        progress(arrived.bytes)
        arrived = await put(sending, arrived.bytes)
        failures = 0
      }
      progress(file.size)
      return
    } catch (error) {
      if (signal.aborted || error instanceof PlaceGone) throw error
      failures += 1
      if (failures > MOST_FAILURES) throw error
      await wait(failures)
      arrived = null
    }
  }
}

function ask(sending: Sending): Promise<Arrived> {
  return exchange(sending, `bytes */${sending.file.size}`, null, 0)
}

function put(sending: Sending, first: number): Promise<Arrived> {
  const { file } = sending
  const end = Math.min(first + PIECE_BYTES, file.size)
  if (file.size === 0) return exchange(sending, 'bytes */0', file, 0)
  return exchange(sending, `bytes ${first}-${end - 1}/${file.size}`, file.slice(first, end), end)
}

/** `end`: what has arrived when all of it has. */
async function exchange(sending: Sending, range: string, body: Blob | null, end: number): Promise<Arrived> {
  const response = await (sending.fetch ?? fetch)(sending.place.url, {
    method: 'PUT',
    headers: { ...sending.place.headers, 'content-range': range },
    body,
    signal: sending.signal,
    // The address is the permission.
    credentials: 'omit',
  })
  if (response.ok) return { bytes: sending.file.size, done: true }
  if (response.status === 308) return { bytes: arrivedBytes(response, end), done: false }
  if ([401, 403, 404, 410].includes(response.status)) throw new PlaceGone()
  throw new Error(`The storage has answered with status ${response.status}.`)
}

/** No `Range`: nothing has arrived. But of another origin's answer the page may not be shown that header; then `end` is believed, for
 * bytes that come again are not kept again, and a gap is refused. */
function arrivedBytes(response: Response, end: number): number {
  const last = /^bytes=0-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1]
  if (last !== undefined) return Number(last) + 1
  return response.type === 'cors' ? end : 0
}

function backOff(failures: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(15_000, 500 * 2 ** failures)))
}
