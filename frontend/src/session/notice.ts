import { isSignedOut } from '../api/problem'
import { endSession } from './session'

/** Whoever is let in no more is thrown out by the first answer that says so. True when `error` was one. */
export function noticed(error: unknown): boolean {
  if (!isSignedOut(error)) return false
  endSession(error.code)
  return true
}
