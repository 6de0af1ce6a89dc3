import { useQuery } from '@tanstack/react-query'
import { answer, client } from '../api/client'

/** What krai's own table says of a problem: its title, and what is to be done about it. */
export function useProblem(code: string | null) {
  const { data } = useQuery({
    queryKey: ['problems', code],
    queryFn: () => answer(client.GET('/problems/{code}', { params: { path: { code: code ?? '' } } })),
    enabled: code !== null,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  return data
}
