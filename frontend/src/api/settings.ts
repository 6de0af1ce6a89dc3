/** Calls of `/settings`. */

import { queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'

export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  queryFn: ({ signal }) => answer(client.GET('/settings', { signal })).then((found) => found.settings),
})

const path = (name: string) => ({ params: { path: { name } } })

export const settingQuery = (name: string) =>
  queryOptions({
    queryKey: ['settings', name],
    queryFn: ({ signal }) => answer(client.GET('/settings/{name}', { ...path(name), signal })),
  })

export const putSetting = (name: string, value: unknown) =>
  answer(client.PUT('/settings/{name}', { ...path(name), body: { value } }))
export const deleteSetting = (name: string) => answer(client.DELETE('/settings/{name}', path(name)))
