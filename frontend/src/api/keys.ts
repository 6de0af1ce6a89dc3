/** Calls of `/token`: API keys. */

import { queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'
import type { KeyBody, NewKey, RotateBody } from './schema'

export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: ({ signal }) => answer(client.GET('/token', { signal })).then((found) => found.keys),
})

// The secret is in the answer and nowhere else.

export const makeKey = (body: KeyBody): Promise<NewKey> => answer(client.POST('/token', { body }))
export const rotateKey = (body: RotateBody): Promise<NewKey> => answer(client.PUT('/token', { body }))
export const revokeKey = (id: string) => answer(client.DELETE('/token', { params: { query: { key_id: id } } }))
