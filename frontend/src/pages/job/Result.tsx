import { Anchor, Group, Skeleton, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { resultQuery } from '../../api/jobs'
import type { ExportResult, ForecastResult, ImportResult, JobAnswer, UndoResult } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { Copy } from '../../parts/Code'
import { Failure } from '../../parts/Failure'
import { IconDownload } from '../../parts/icons'
import { Section } from '../../parts/Page'
import { bytes, rows } from '../../words/format'

/** What came of a job that completed. */
export function Result({ job }: { job: JobAnswer }) {
  const { data, error, isPending } = useQuery(resultQuery(job))
  if (job.status !== 'COMPLETED' || job.type === 'drop') return null
  if (error) return <Failure error={error} />
  if (isPending) return <Skeleton height={140} radius="lg" />
  if (data.type === 'export') return <Files result={data} expiresAt={job.expires_at} />
  if (data.type === 'undo') return <Undone result={data} />
  if (data.type === 'import') return <Imported result={data} />
  return null
}

function Files({ result, expiresAt }: { result: ExportResult; expiresAt: string | null }) {
  return (
    <Section
      title={result.files_total === 1 ? 'File' : `${rows(result.files_total)} files`}
      actions={
        <Group gap="md">
          <Anchor href={result.manifest_url} size="sm">
            Manifest
          </Anchor>
          {result.manifest_signature_url && (
            <Anchor href={result.manifest_signature_url} size="sm">
              Signature
            </Anchor>
          )}
        </Group>
      }
    >
      {!result.complete && <Text size="sm">A limit has left rows out.</Text>}
      <div className="scrolls">
        <Table verticalSpacing="sm" className="numbers">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th ta="right">Rows</Table.Th>
              <Table.Th ta="right">Size</Table.Th>
              <Table.Th>SHA-256</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {result.files.map((file) => (
              <Table.Tr key={file.name}>
                <Table.Td>
                  <Anchor href={file.download_url} download={file.name} size="sm" style={{ whiteSpace: 'nowrap' }}>
                    <IconDownload /> {file.name}
                  </Anchor>
                </Table.Td>
                <Table.Td ta="right">{rows(file.records)}</Table.Td>
                <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
                  {bytes(file.size_bytes)}
                </Table.Td>
                <Table.Td>
                  <Group gap={4} wrap="nowrap">
                    <span className="mono" title={file.sha256} style={{ whiteSpace: 'nowrap' }}>
                      {file.sha256.slice(0, 12)}…
                    </span>
                    <Copy text={file.sha256} label={`the SHA-256 of ${file.name}`} />
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Text size="sm" c="dimmed">
        {result.files_total > result.files.length &&
          `The first ${result.files.length} are shown; the manifest lists all. `}
        {expiresAt && (
          <>
            Deleted <Ago at={expiresAt} />.
          </>
        )}
      </Text>
    </Section>
  )
}

function Imported({ result }: { result: ImportResult | ForecastResult }) {
  const forecast = 'dry_run' in result
  return (
    <Section title={forecast ? 'What the import would do' : 'What the import has done'}>
      <dl className="figures">
        <Count name="Inserted" number={result.records_inserted} />
        <Count name="Updated" number={result.records_updated} />
        <Count name="Rejected" number={result.records_rejected} />
      </dl>
      {!forecast && result.snapshot_id && <Snapshot id={result.snapshot_id} />}
    </Section>
  )
}

function Undone({ result }: { result: UndoResult }) {
  return (
    <Section title="What was undone">
      <dl className="figures">
        <Count name="Removed" number={result.records_removed} />
        <Count name="Restored" number={result.records_restored} />
        <Count name="Kept, for newer imports" number={result.records_kept} />
      </dl>
      <Snapshot id={result.snapshot_id} />
    </Section>
  )
}

function Count({ name, number }: { name: string; number: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{rows(number)}</dd>
    </div>
  )
}

function Snapshot({ id }: { id: string }) {
  return (
    <Stack gap={0}>
      <Group gap={4}>
        <Text size="sm" c="dimmed">
          Snapshot <span className="mono">{id}</span>
        </Text>
        <Copy text={id} label="the id of the snapshot" />
      </Group>
    </Stack>
  )
}
