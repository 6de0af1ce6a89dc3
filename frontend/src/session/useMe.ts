import { useQuery } from '@tanstack/react-query'
import type { Scope } from '../api/schema'
import { meQuery } from './me'

/** Who is signed in, and what they may do; nothing while that is not known. */
export function useMe() {
  const { data: me } = useQuery(meQuery)
  const admin = me?.admin ?? false
  return { me, admin, may: (...scopes: Scope[]) => admin || scopes.some((scope) => me?.scopes.includes(scope)) }
}
