import { Autocomplete, Checkbox, NativeSelect, Table, Text } from '@mantine/core'
import type { ForecastResult } from '../../api/schema'
import { Section } from '../../parts/Page'
import type { Form } from './form'

const TYPES = ['boolean', 'int64', 'float64', 'date', 'timestamp', 'timestamptz', 'string', 'binary']

interface Props {
  sources: readonly string[]
  /** What a dry run with these names has shown of the file. */
  shown: { forecast: ForecastResult; names: Form['names'] } | null
  /** The columns of the dataset, when it is there. */
  targets: readonly string[]
  form: Form
  change: (changes: Partial<Form>) => void
}

/** What becomes of each column of the file: its name and type in the dataset, or that it is left out. */
export function Columns({ sources, shown, targets, form, change }: Props) {
  return (
    <Section title="Columns">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <div className="scrolls" tabIndex={0} role="region" aria-label="Columns">
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>In the file</Table.Th>
              <Table.Th>In the dataset</Table.Th>
              <Table.Th>Type</Table.Th>
              <Table.Th>Such as</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sources.map((source) => (
              <Row key={source} source={source} shown={shown} targets={targets} form={form} change={change} />
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  )
}

function without<T>(record: Record<string, T>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== name))
}

function Row({ source, shown, targets, form, change }: Omit<Props, 'sources'> & { source: string }) {
  const { names, types } = form
  const target = source in names ? names[source] : source
  const kept = target !== null && target !== undefined
  const { found, sample } = lookUp(shown, source)
  function rename(next: string | null) {
    const moved = kept && types[target] !== undefined && next ? { [next]: types[target] } : {}
    const rest = kept ? without(types, target) : types
    change({
      names: next === source ? without(names, source) : { ...names, [source]: next },
      types: { ...rest, ...moved },
    })
  }
  return (
    <Table.Tr>
      <Table.Td>
        <Checkbox
          label={source}
          checked={kept}
          onChange={(event) => rename(event.currentTarget.checked ? source : null)}
        />
      </Table.Td>
      <Table.Td miw={150}>
        <Autocomplete
          size="xs"
          aria-label={`${source} in the dataset`}
          data={[...targets]}
          value={kept ? target : ''}
          disabled={!kept}
          onChange={(next) => rename(next)}
        />
      </Table.Td>
      <Table.Td miw={150}>
        <NativeSelect
          size="xs"
          aria-label={`Type of ${source}`}
          disabled={!kept}
          value={kept ? (types[target] ?? '') : ''}
          data={[{ value: '', label: found ? `${found}, found` : 'Found by the file' }, ...TYPES]}
          onChange={(event) => {
            const type = event.currentTarget.value
            if (kept) change({ types: type ? { ...types, [target]: type } : without(types, target) })
          }}
        />
      </Table.Td>
      <Table.Td>
        <Text size="xs" c="dimmed" className="cut mono" maw={220}>
          {sample}
        </Text>
      </Table.Td>
    </Table.Tr>
  )
}

/** The type that was found for a column of the file, and the first value in it. */
function lookUp(shown: Props['shown'], source: string): { found: string | null; sample: string } {
  if (shown === null) return { found: null, sample: '' }
  const { forecast, names } = shown
  const target = source in names ? names[source] : source
  const at = forecast.preview.columns.indexOf(target ?? '')
  const found = forecast.schema.find((column) => column.name === target)?.type ?? null
  const sample = at < 0 ? '' : (forecast.preview.rows.map((row) => row[at]).find((cell) => cell) ?? '')
  return { found: at < 0 ? null : found, sample }
}
