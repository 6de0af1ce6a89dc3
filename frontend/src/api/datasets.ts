/** Calls of `/api/v1/datasets`. */

import { queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'

export const datasetsQuery = queryOptions({
  queryKey: ['datasets'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/datasets', { signal })).then((found) => found.datasets),
})
