import type { Problem } from './schema'

type FieldProblem = NonNullable<Problem['errors']>[number]

/** What went wrong, as RFC 9457 has it; `code` is krai's own, or `unreachable` where no answer came. */
export class ProblemError extends Error {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly requestId: string | null
  readonly fields: FieldProblem[]

  constructor(problem: Partial<Problem> & { title: string }) {
    super(problem.detail || problem.title)
    this.code = problem.code ?? 'internal'
    this.status = problem.status ?? 0
    this.title = problem.title
    this.detail = problem.detail ?? ''
    this.requestId = problem.request_id ?? null
    this.fields = problem.errors ?? []
  }
}

const SIGNED_OUT = new Set(['unauthenticated', 'invalid_key', 'invalid_token', 'not_allowed', 'ambiguous_credentials'])

/** True when whoever looks at the page is not let in, or no more. */
export function isSignedOut(error: unknown): error is ProblemError {
  return error instanceof ProblemError && SIGNED_OUT.has(error.code)
}

export function unreachable(): ProblemError {
  return new ProblemError({
    code: 'unreachable',
    title: 'krai does not answer',
    detail: 'The server cannot be reached. The page tries again by itself.',
  })
}

export async function problemOf(response: Response): Promise<ProblemError> {
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('application/problem+json')) {
    return new ProblemError((await response.json()) as Problem)
  }
  return new ProblemError({
    code: 'unreachable',
    status: response.status,
    title: 'Something between this page and krai has answered',
    detail: `The answer has status ${response.status} and is not krai's.`,
  })
}
