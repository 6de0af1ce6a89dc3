import { expect, test } from 'vitest'
import { PIECE_BYTES, PlaceGone, sendFile } from './send'

/** A storage that keeps what arrives, loses every answer of whose number `loses` says so, and ends when it has all. */
function storage(total: number, loses: (call: number) => boolean = () => false) {
  const seen: string[] = []
  let arrived = 0
  let calls = 0
  async function take(_: RequestInfo | URL, { headers, body }: RequestInit = {}): Promise<Response> {
    calls += 1
    const range = (headers as Record<string, string>)['content-range'] ?? ''
    seen.push(range)
    const first = Number(/^bytes (\d+)-/.exec(range)?.[1] ?? Number.NaN)
    if (first === arrived) arrived += (body as Blob).size
    if (loses(calls)) throw new TypeError('network')
    if (arrived === total) return new Response(null, { status: 200 })
    // Response takes no 308 with headers of its own in all versions.
    return {
      ok: false,
      status: 308,
      headers: new Headers(arrived ? { range: `bytes=0-${arrived - 1}` } : {}),
    } as Response
  }
  return { take: take as typeof fetch, seen, arrived: () => arrived }
}

const place = { url: 'https://storage.example/upload', headers: {} }
const never = new AbortController().signal
const at_once = () => Promise.resolve()
const file = new Blob([new Uint8Array(PIECE_BYTES * 2 + 5)])

async function sends(store: ReturnType<typeof storage>, sent: Blob, fresh = true): Promise<number[]> {
  const told: number[] = []
  await sendFile({
    place,
    file: sent,
    fresh,
    progress: (bytes) => told.push(bytes),
    signal: never,
    fetch: store.take,
    wait: at_once,
  })
  return told
}

test('a file goes in pieces', async () => {
  const store = storage(file.size)
  expect(await sends(store, file)).toEqual([0, PIECE_BYTES, 2 * PIECE_BYTES, file.size])
  expect(store.seen).toEqual([
    `bytes 0-${PIECE_BYTES - 1}/${file.size}`,
    `bytes ${PIECE_BYTES}-${2 * PIECE_BYTES - 1}/${file.size}`,
    `bytes ${2 * PIECE_BYTES}-${file.size - 1}/${file.size}`,
  ])
})

test('after a lost answer it is asked what has arrived, and nothing is sent twice', async () => {
  const store = storage(file.size, (call) => call === 2)
  await sends(store, file)
  expect(store.seen[2]).toBe(`bytes */${file.size}`)
  expect(store.arrived()).toBe(file.size)
  expect(store.seen).toHaveLength(4)
})

test('what was begun before a reload goes on', async () => {
  const store = storage(file.size)
  await store.take('', {
    headers: { 'content-range': `bytes 0-${PIECE_BYTES - 1}/${file.size}` },
    body: file.slice(0, PIECE_BYTES),
  })
  expect(await sends(store, file, false)).toEqual([PIECE_BYTES, 2 * PIECE_BYTES, file.size])
})

test('an empty file is sent, too', async () => {
  const store = storage(0)
  await sends(store, new Blob([]))
  expect(store.seen).toEqual(['bytes */0'])
})

test('a storage that stays away is given up', async () => {
  const store = storage(file.size, () => true)
  await expect(sends(store, file)).rejects.toThrow('network')
})

test('a place that is gone is not asked again', async () => {
  let calls = 0
  const gone = (async () => {
    calls += 1
    return new Response(null, { status: 410 })
  }) as typeof fetch
  await expect(
    sendFile({ place, file, fresh: true, progress: () => {}, signal: never, fetch: gone, wait: at_once }),
  ).rejects.toThrow(PlaceGone)
  expect(calls).toBe(1)
})

test('a storage elsewhere that does not show how much has arrived is believed', async () => {
  const seen: string[] = []
  const elsewhere = (async (_: unknown, { headers }: RequestInit = {}) => {
    seen.push((headers as Record<string, string>)['content-range'] ?? '')
    const status = seen.length === 3 ? 200 : 308
    return { ok: status === 200, status, type: 'cors', headers: new Headers() } as Response
  }) as typeof fetch
  await sendFile({ place, file, fresh: true, progress: () => {}, signal: never, fetch: elsewhere, wait: at_once })
  expect(seen.map((range) => range.split('-')[0])).toEqual([
    'bytes 0',
    `bytes ${PIECE_BYTES}`,
    `bytes ${2 * PIECE_BYTES}`,
  ])
})
