import { Badge, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { snapshotsQuery } from '../../api/datasets'
import type { SnapshotAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { Copy } from '../../parts/Code'
import { LinkButton } from '../../parts/LinkButton'
import { Listing, Loaded } from '../../parts/Listing'
import { Section } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { rows } from '../../words/format'

const MODES = { append: 'Added', upsert: 'Added or updated', replace: 'Replaced', undo: 'Undone' } as const
const COUNTS = [
  ['records_inserted', 'added'],
  ['records_updated', 'updated'],
  ['records_removed', 'removed'],
  ['records_restored', 'restored'],
] as const

/** How the dataset became what it is; each state can be exported still. */
export function Snapshots({ name, current }: { name: string; current: string | null }) {
  const { may } = useMe()
  return (
    <Section title="History">
      <Loaded
        query={useQuery(snapshotsQuery(name))}
        empty={
          <Text size="sm" c="dimmed">
            No import has changed it yet.
          </Text>
        }
      >
        {(snapshots) => (
          <Listing
            label="Snapshots"
            items={snapshots}
            keyOf={(snapshot) => snapshot.snapshot_id}
            columns={[
              {
                name: 'When',
                cell: (snapshot) => (
                  <Group gap="xs">
                    <Ago at={snapshot.committed_at} />
                    {snapshot.snapshot_id === current && (
                      <Badge variant="default" tt="none" fw={500}>
                        as it is now
                      </Badge>
                    )}
                  </Group>
                ),
              },
              {
                name: 'By',
                cell: (snapshot) => (
                  <Link to="/jobs/$jobId" params={{ jobId: snapshot.job_id }} className="plain-link">
                    {MODES[snapshot.mode]}
                  </Link>
                ),
              },
              { name: 'Change', cell: changeOf },
              { name: 'Rows then', right: true, cell: (snapshot) => rows(snapshot.rows) },
              {
                name: 'Snapshot',
                cell: (snapshot) => (
                  <Group gap={4} wrap="nowrap">
                    <span className="mono fixed" title={snapshot.snapshot_id}>
                      {short(snapshot.snapshot_id)}
                    </span>
                    <Copy text={snapshot.snapshot_id} label={`the id of the snapshot ${short(snapshot.snapshot_id)}`} />
                  </Group>
                ),
              },
              may('export') && {
                name: 'Actions',
                acts: true,
                cell: (snapshot) => (
                  <LinkButton
                    to="/exports/new"
                    search={{ dataset: name, as_of: snapshot.snapshot_id }}
                    variant="subtle"
                    size="compact-sm"
                    aria-label={`Export as of this: ${short(snapshot.snapshot_id)}`}
                  >
                    Export as of this
                  </LinkButton>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Section>
  )
}

function changeOf(snapshot: SnapshotAnswer): string {
  const told = COUNTS.filter(([count]) => snapshot[count] > 0)
  return told.map(([count, word]) => `${rows(snapshot[count])} ${word}`).join(', ') || 'nothing'
}

function short(id: string): string {
  return id.length > 12 ? `${id.slice(0, 12)}…` : id
}
