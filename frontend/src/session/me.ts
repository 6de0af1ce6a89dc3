import { queryOptions } from '@tanstack/react-query'
import { answer, client } from '../api/client'

/** Whether krai lets this tab in. Throws the problem when it does not. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => answer(client.GET('/api/v1/jobs', { params: { query: { page_size: 1 } } })).then(() => true),
  staleTime: 60_000,
  retry: false,
  // Who asks is told by the page that asks, and not thrown out: they may not have been in.
  meta: { quiet: true },
})
