import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { ProblemError } from '../api/problem'
import { Copy } from './Code'
import { IconWarning } from './icons'
import { useProblem } from './useProblem'

interface Told {
  code: string
  title: string
  detail: string
}

/** A problem: what happened, where, and what to do. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problem = error instanceof ProblemError ? error : null
  const told: Told = problem ?? {
    code: 'page',
    title: 'The page has failed',
    detail: error instanceof Error ? error.message : '',
  }
  return (
    <ToldFailure told={told} remedied={problem !== null && problem.code !== 'unreachable'}>
      {problem?.fields.map((field) => (
        <Text size="sm" key={field.pointer + field.code}>
          {field.pointer && <code className="mono">{field.pointer.slice(1).replaceAll('/', '.')}</code>} {field.detail}
        </Text>
      ))}
      {problem?.requestId && (
        <Group gap={4}>
          <Text size="xs" c="dimmed">
            Request <span className="mono">{problem.requestId}</span>
          </Text>
          <Copy text={problem.requestId} label="the id of the request" />
        </Group>
      )}
      {again && (
        <div>
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        </div>
      )}
    </ToldFailure>
  )
}

export function ToldFailure(props: { told: Told; remedied: boolean; children?: React.ReactNode }) {
  const { told, remedied, children } = props
  const remedy = useProblem(remedied ? told.code : null)?.remedy
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconWarning />}
      title={told.title}
      role="alert"
      styles={{ title: { color: 'var(--bad)' } }}
    >
      <Stack gap={6}>
        {told.detail && told.detail !== remedy && <Text size="sm">{told.detail}</Text>}
        {remedy && <Text size="sm">{remedy}</Text>}
        {children}
      </Stack>
    </Alert>
  )
}
