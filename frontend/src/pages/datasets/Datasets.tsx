import { Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { datasetsQuery } from '../../api/datasets'
import type { DatasetAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { IconImport } from '../../parts/icons'
import { LinkButton } from '../../parts/LinkButton'
import { type Column, Listing, Loaded } from '../../parts/Listing'
import { Page } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { bytes, rows } from '../../words/format'

export default function Datasets() {
  const { find = '' } = useSearch({ from: '/inside/datasets' })
  const navigate = useNavigate({ from: '/datasets' })
  const { may } = useMe()
  const query = useQuery(datasetsQuery)
  return (
    <Page
      title="Datasets"
      subtitle="What imports have made, and exports read."
      actions={
        may('import') && (
          <LinkButton to="/imports/new" leftSection={<IconImport />}>
            New import
          </LinkButton>
        )
      }
    >
      <Loaded query={query} empty={<Empty />}>
        {(datasets) => (
          <Stack gap="sm">
            <TextInput
              aria-label="Find a dataset"
              placeholder="Find by name or column"
              value={find}
              w={260}
              maw="100%"
              type="search"
              onChange={(event) => {
                const text = event.currentTarget.value
                void navigate({ search: text ? { find: text } : {}, replace: true })
              }}
            />
            <Found datasets={datasets} find={find} />
          </Stack>
        )}
      </Loaded>
    </Page>
  )
}

function Found({ datasets, find }: { datasets: readonly DatasetAnswer[]; find: string }) {
  const { may } = useMe()
  const found = datasets.filter((dataset) => fits(dataset, find.trim().toLowerCase()))
  const acts: Column<DatasetAnswer> = {
    name: 'Actions',
    acts: true,
    cell: ({ name }) => (
      <>
        {may('export') && (
          <LinkButton
            to="/exports/new"
            search={{ dataset: name }}
            variant="subtle"
            size="compact-sm"
            aria-label={`Export ${name}`}
          >
            Export
          </LinkButton>
        )}
        {may('import') && (
          <LinkButton
            to="/imports/new"
            search={{ dataset: name }}
            variant="subtle"
            size="compact-sm"
            aria-label={`Import into ${name}`}
          >
            Import
          </LinkButton>
        )}
      </>
    ),
  }
  return (
    <>
      <Text size="sm" c="dimmed" role="status">
        {find ? `${rows(found.length)} of ${rows(datasets.length)}` : `${rows(datasets.length)} in all`}
      </Text>
      {found.length > 0 && (
        <Listing
          label="Datasets"
          items={found}
          keyOf={(dataset) => dataset.name}
          columns={[
            {
              name: 'Name',
              cell: ({ name }) => (
                <Link to="/datasets/$name" params={{ name }} className="plain-link">
                  <b>{name}</b>
                </Link>
              ),
            },
            { name: 'Rows', right: true, cell: (dataset) => rows(dataset.rows) },
            { name: 'Size', right: true, cell: (dataset) => bytes(dataset.bytes) },
            { name: 'Columns', right: true, cell: (dataset) => rows(dataset.columns.length) },
            { name: 'Updated', cell: (dataset) => <Ago at={dataset.updated_at} /> },
            acts,
          ]}
        />
      )}
    </>
  )
}

function fits(dataset: DatasetAnswer, text: string): boolean {
  return dataset.name.includes(text) || dataset.columns.some((column) => column.name.toLowerCase().includes(text))
}

function Empty() {
  const { may } = useMe()
  return (
    <Stack className="panel" py="xl" gap="md">
      <div>
        <Title order={2}>There is no dataset for you yet</Title>
        <Text c="dimmed" mt={4}>
          The first import makes one. One that is there and not shown has not been granted to you; an admin does that.
        </Text>
      </div>
      {may('import') && (
        <div>
          <LinkButton to="/imports/new">Import a file</LinkButton>
        </div>
      )}
    </Stack>
  )
}
