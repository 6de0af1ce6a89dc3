/** The credential of this tab: an API key, kept until the tab is closed, or else the cookie of `/login`, which no script sees. */

const KEY = 'krai-api-key'

type Listener = (reason: string) => void

const listeners = new Set<Listener>()

export function apiKey(): string | null {
  return sessionStorage.getItem(KEY)
}

export function keepApiKey(key: string): void {
  sessionStorage.setItem(KEY, key)
}

export function forgetApiKey(): void {
  sessionStorage.removeItem(KEY)
}

/** Whoever is in is thrown out; `reason` is a problem code, or empty when they went by themselves. */
export function endSession(reason: string): void {
  forgetApiKey()
  for (const listener of listeners) listener(reason)
}

export function onSessionEnd(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
