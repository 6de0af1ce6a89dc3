import { Skeleton, VisuallyHidden } from '@mantine/core'
import { type RowSelectionState, useTable } from '@tanstack/react-table'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type Dispatch, type SetStateAction, useEffect, useRef } from 'react'
import type { JobAnswer } from '../../api/schema'
import { columns, features } from './columns'
import './jobs.css'

export type Chosen = RowSelectionState

interface Props {
  jobs: JobAnswer[]
  loading: boolean
  more: boolean
  fetchMore: () => void
  chosen: Chosen
  choose: Dispatch<SetStateAction<Chosen>>
}

const ROW_PX = 61
const AHEAD = 20

/** The list of jobs; only the rows that can be seen are in the page, and older ones are fetched as somebody gets there. */
export function JobsTable({ jobs, loading, more, fetchMore, chosen, choose }: Props) {
  const table = useTable({
    features,
    columns,
    data: jobs,
    getRowId: (job) => job.job_id,
    state: { rowSelection: chosen },
    onRowSelectionChange: choose,
  })
  const all = table.getRowModel().rows
  const body = useRef<HTMLDivElement>(null)
  const virtual = useWindowVirtualizer({
    count: all.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: body.current?.offsetTop ?? 0,
    getItemKey: (index) => all[index]?.id ?? index,
  })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  useEffect(() => {
    if (more && last >= all.length - AHEAD) fetchMore()
  }, [more, last, all.length, fetchMore])
  return (
    <div role="table" aria-label="Jobs" aria-rowcount={more ? -1 : all.length + 1} className="jobs" aria-busy={loading}>
      <div role="rowgroup">
        {table.getHeaderGroups().map((group) => (
          <div role="row" className="job head" key={group.id}>
            {group.headers.map((header) => (
              <div role="columnheader" key={header.id} data-column={header.column.id}>
                <table.FlexRender header={header} />
              </div>
            ))}
          </div>
        ))}
      </div>
      {loading ? (
        <Waiting />
      ) : (
        <div role="rowgroup" ref={body} style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {shown.map((item) => {
            const row = all[item.index]
            if (!row) return null
            return (
              <div
                role="row"
                key={item.key}
                className="job"
                ref={virtual.measureElement}
                data-index={item.index}
                data-status={row.original.status}
                aria-rowindex={item.index + 2}
                style={{ transform: `translateY(${item.start - virtual.options.scrollMargin}px)` }}
              >
                {row.getAllCells().map((cell) => (
                  <div role="cell" key={cell.id} data-column={cell.column.id}>
                    <table.FlexRender cell={cell} />
                  </div>
                ))}
              </div>
            )
          })}
        </div>
      )}
    </div>
  )
}

function Waiting() {
  return (
    <div role="rowgroup">
      <div role="row">
        <div role="cell">
          <VisuallyHidden>Jobs are coming</VisuallyHidden>
          {Array.from({ length: 8 }, (_, number) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
            <Skeleton key={number} height={ROW_PX - 17} my={8} radius="md" />
          ))}
        </div>
      </div>
    </div>
  )
}
