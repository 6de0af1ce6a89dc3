/** What changes, as it changes: one job by Server-Sent Events, all jobs by the WebSocket, or by asking where there is none. */

import { EventSourceParserStream } from 'eventsource-parser/stream'
import { apiUrl } from '../config'
import { noticed } from '../session/notice'
import { apiKey } from '../session/session'
import { answer, client, send } from './client'
import { FINISHED } from './jobs'
import type { JobAnswer } from './schema'

export type Told = (job: JobAnswer) => void
export type Connection = 'connecting' | 'live' | 'asking' | 'lost'

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000

function backOff(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Tells of every state of one job until it has finished. EventSource sends no header, and an API key is one. */
export async function followJob(id: string, tell: Told, signal: AbortSignal): Promise<void> {
  let lastId: string | null = null
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (lastId !== null) headers['last-event-id'] = lastId
      const response = await send(new Request(`${apiUrl}/api/v1/jobs/${id}/events`, { headers, signal }))
      if (response.body === null) return
      const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
      const reader = events.getReader()
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        attempt = 0
        lastId = next.value.id ?? lastId
        if (next.value.event !== 'job') continue
        const job = JSON.parse(next.value.data) as JobAnswer
        tell(job)
        if (FINISHED.has(job.status)) return
      }
    } catch (error) {
      if (signal.aborted || noticed(error)) return
    }
    await pause(backOff(attempt), signal)
  }
}

/** Tells of every change of every job by `/ws`, which takes the session's cookie; connects again when it is lost. */
export async function followAll(tell: Told, seen: (state: Connection) => void, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    await new Promise<void>((closed) => {
      const socket = new WebSocket(`${apiUrl.replace(/^http/, 'ws')}/ws`)
      const stop = () => socket.close()
      signal.addEventListener('abort', stop)
      socket.onopen = () => {
        attempt = 0
        seen('live')
      }
      socket.onmessage = (message) => {
        const told = JSON.parse(String(message.data)) as { event: string; data: JobAnswer }
        if (told.event === 'job') tell(told.data)
      }
      socket.onclose = () => {
        signal.removeEventListener('abort', stop)
        closed()
      }
    })
    if (signal.aborted) return
    seen('lost')
    // A WebSocket does not tell the page why it was refused; an answer does.
    const lost = await answer(client.GET('/api/v1/me', { signal })).catch((error: unknown) => error)
    if (signal.aborted || noticed(lost)) return
    await pause(backOff(attempt), signal)
  }
}

/** Browsers send no header with a WebSocket, so a tab with an API key asks instead. */
export function canListen(): boolean {
  return apiKey() === null
}
