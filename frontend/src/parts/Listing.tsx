import { Skeleton, Table, VisuallyHidden } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Failure } from './Failure'
import './listing.css'

export interface Column<T> {
  name: string
  cell: (item: T) => ReactNode
  right?: boolean
  /** What can be done with the row: it needs no name. */
  acts?: boolean
}

interface Props<T> {
  label: string
  items: readonly T[]
  keyOf: (item: T) => string
  columns: readonly (Column<T> | false)[]
}

/** A table that is a list of cards where it is as wide as a phone; the roles hold it a table to a screen reader there too. */
export function Listing<T>({ label, items, keyOf, columns }: Props<T>) {
  const shown = columns.filter((column) => column !== false)
  return (
    <div className="listing">
      <Table verticalSpacing="sm" className="numbers" role="table" aria-label={label}>
        <Table.Thead role="rowgroup">
          <Table.Tr role="row">
            {shown.map((column) => (
              <Table.Th key={column.name} role="columnheader" ta={column.right ? 'right' : 'left'}>
                {column.acts ? <VisuallyHidden>{column.name}</VisuallyHidden> : column.name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody role="rowgroup">
          {items.map((item) => (
            <Table.Tr key={keyOf(item)} role="row">
              {shown.map((column) => (
                <Table.Td
                  key={column.name}
                  role="cell"
                  {...(column.right ? { ta: 'right', className: 'fixed' } : {})}
                  {...(column.acts ? {} : { 'data-label': column.name })}
                >
                  {column.acts ? <div className="row-actions">{column.cell(item)}</div> : column.cell(item)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

/** What was asked for, or that it is on its way, cannot be had, or is nothing. */
export function Loaded<T>(props: {
  query: Pick<UseQueryResult<readonly T[]>, 'data' | 'error' | 'refetch'>
  empty: ReactNode
  children: (items: readonly T[]) => ReactNode
}) {
  const { data, error, refetch } = props.query
  if (error) return <Failure error={error} again={() => void refetch()} />
  if (!data) return <Skeleton height={220} radius="lg" aria-label="It is coming" />
  return data.length === 0 ? props.empty : props.children(data)
}
