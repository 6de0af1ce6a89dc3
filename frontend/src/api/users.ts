/** Calls of `/api/v1/users`, for admins. */

import { queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'
import type { UserBody } from './schema'

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/users', { signal })).then((found) => found.users),
})

export const putUser = (body: UserBody) => answer(client.PUT('/api/v1/users', { body }))
export const removeUser = (email: string) => answer(client.DELETE('/api/v1/users', { params: { query: { email } } }))
