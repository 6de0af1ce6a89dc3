import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { ProblemError } from './api/problem'
import { noticed } from './session/notice'

const RETRIED_STATUS = new Set([0, 429, 502, 503, 504])
const MOST_RETRIES = 5

/** Only what may work the next time is asked again. */
function worthRetrying(count: number, error: Error): boolean {
  return count < MOST_RETRIES && (!(error instanceof ProblemError) || RETRIED_STATUS.has(error.status))
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => query.meta?.quiet || noticed(error) }),
  mutationCache: new MutationCache({ onError: noticed }),
  defaultOptions: { queries: { retry: worthRetrying, staleTime: 5000 } },
})
