import { Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ForecastResult, JobAnswer } from '../../api/schema'
import { ToldFailure } from '../../parts/Failure'
import { Headway } from '../../parts/Headway'
import { Section } from '../../parts/Page'
import { Rejects } from '../../parts/Rejects'
import { rows } from '../../words/format'

interface Props {
  job: JobAnswer
  forecast: ForecastResult | null
  stale: boolean
  /** The columns, which stand between what would happen and the rows. */
  children: ReactNode
}

/** What the import would do, by a dry run. */
export function Forecast({ job, forecast, stale, children }: Props) {
  return (
    <Stack gap="lg">
      {job.status !== 'COMPLETED' && !job.error && <Headway job={job} />}
      {job.error && <ToldFailure told={job.error} remedied />}
      {forecast && <Counts forecast={forecast} stale={stale} />}
      {children}
      {forecast && <FirstRows forecast={forecast} />}
      <Rejects job={job} />
    </Stack>
  )
}

function Counts({ forecast, stale }: { forecast: ForecastResult; stale: boolean }) {
  const counts = [
    ['Rows to insert', forecast.records_inserted],
    ['Rows to update', forecast.records_updated],
    ['Rows to reject', forecast.records_rejected],
  ] as const
  return (
    <Section title="What would happen">
      {stale && <Text size="sm">Something has been changed since this was tried.</Text>}
      <dl className="figures">
        {counts.map(([name, number]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{rows(number)}</dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}

function FirstRows({ forecast: { preview, schema } }: { forecast: ForecastResult }) {
  if (preview.rows.length === 0) return null
  return (
    <Section title="First rows">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <div className="scrolls" tabIndex={0} role="region" aria-label="First rows">
        <Table verticalSpacing={6} className="first-rows numbers">
          <Table.Thead>
            <Table.Tr>
              {preview.columns.map((name) => (
                <Table.Th key={name}>
                  {name}
                  <div className="mono">{schema.find((column) => column.name === name)?.type}</div>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {preview.rows.map((row, number) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is known by its place alone
              <Table.Tr key={number}>
                {row.map((cell, at) => (
                  <Table.Td key={preview.columns[at]}>{cell ?? <i className="quiet">empty</i>}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  )
}
