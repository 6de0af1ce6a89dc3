/** Calls of `/api/v1/datasets`. */

import { queryOptions } from '@tanstack/react-query'
import { answer, client } from './client'

export const datasetsQuery = queryOptions({
  queryKey: ['datasets'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/datasets', { signal })).then((found) => found.datasets),
})

const path = (name: string) => ({ params: { path: { name } } })

export const datasetQuery = (name: string) =>
  queryOptions({
    queryKey: ['datasets', name],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/datasets/{name}', { ...path(name), signal })),
  })

export const snapshotsQuery = (name: string) =>
  queryOptions({
    queryKey: ['datasets', name, 'snapshots'],
    queryFn: ({ signal }) =>
      answer(client.GET('/api/v1/datasets/{name}/snapshots', { ...path(name), signal })).then(
        (found) => found.snapshots,
      ),
  })

/** The job that removes it. */
export const dropDataset = (name: string) => answer(client.DELETE('/api/v1/datasets/{name}', path(name)))
