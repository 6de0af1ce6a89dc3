import createClient from 'openapi-fetch'
import { apiUrl } from '../config'
import { apiKey } from '../session/session'
import { problemOf, unreachable } from './problem'
import type { paths } from './schema'

/** Adds the credential: never both, for krai refuses a request with two. */
export function withCredential(request: Request): Request {
  const key = apiKey()
  if (key === null) return request
  const headers = new Headers(request.headers)
  headers.set('x-api-key', key)
  return new Request(request, { headers, credentials: 'omit' })
}

/** `fetch` with the credential; what is no success throws a ProblemError. */
export async function send(request: Request): Promise<Response> {
  let response: Response
  try {
    response = await fetch(withCredential(request))
  } catch (error) {
    if (request.signal.aborted) throw error
    throw unreachable()
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

export const client = createClient<paths>({ baseUrl: apiUrl, fetch: send })

/** What a call of `client` has answered with; failures have thrown. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call
  return data as T
}
