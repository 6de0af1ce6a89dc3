import { client } from '../api/client'
import { isSignedOut } from '../api/problem'
import { endSession } from './session'

/** Whoever is let in no more is thrown out by the first answer that says so. True when `error` was one. */
export function noticed(error: unknown): boolean {
  if (!isSignedOut(error)) return false
  if (error.code === 'not_allowed') {
    void thrownOutIfStranger()
    return false
  }
  endSession(error.code)
  return true
}

/** Who may not do one thing may still be let in: only krai can tell, and `/me` is open to whoever is. */
async function thrownOutIfStranger(): Promise<void> {
  try {
    await client.GET('/api/v1/me')
  } catch (error) {
    if (isSignedOut(error)) endSession(error.code)
  }
}
