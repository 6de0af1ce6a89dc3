import { queryOptions } from '@tanstack/react-query'
import { answer, client } from '../api/client'

/** Who krai sees in this tab. Throws the problem when it lets nobody in. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => answer(client.GET('/api/v1/me')),
  staleTime: 60_000,
  retry: false,
  // Who asks is told by the page that asks, and not thrown out: they may not have been in.
  meta: { quiet: true },
})
