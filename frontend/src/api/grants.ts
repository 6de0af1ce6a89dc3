/** Calls of `/api/v1/grants`, for admins. */

import { queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'
import type { GrantBody } from './schema'

export const grantsQuery = queryOptions({
  queryKey: ['grants'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/grants', { signal })).then((found) => found.grants),
})

export const putGrant = (body: GrantBody) => answer(client.PUT('/api/v1/grants', { body }))
export const removeGrant = (resource: string) =>
  answer(client.DELETE('/api/v1/grants', { params: { query: { resource } } }))
