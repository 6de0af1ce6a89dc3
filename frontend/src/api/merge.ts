/** The list of jobs as what is told of one changes it. */

import type { JobFilters, JobPages } from './jobs'
import type { JobAnswer } from './schema'

function matches(job: JobAnswer, filters: JobFilters): boolean {
  const [, name = '', value = ''] = /^([^:=]*)[:=](.*)$/s.exec(filters.label ?? '') ?? []
  return (
    (filters.type ?? job.type) === job.type &&
    (filters.status ?? job.status) === job.status &&
    (filters.dataset ?? job.dataset) === job.dataset &&
    (!filters.label || job.labels[name] === value)
  )
}

/** The pages with what has become of `job`: in its place, at the top when it is new, gone when the filters take it no more. */
export function merged(pages: JobPages, job: JobAnswer, filters: JobFilters): JobPages {
  const wanted = matches(job, filters)
  let found = false
  const next = pages.pages.map((page) => {
    const at = page.jobs.findIndex((one) => one.job_id === job.job_id)
    if (at < 0) return page
    found = true
    if ((page.jobs[at]?.updated_at ?? '') > job.updated_at) return page
    const jobs = wanted ? page.jobs.with(at, job) : page.jobs.toSpliced(at, 1)
    return { ...page, jobs }
  })
  const [first, ...rest] = next
  if (!first || found || !wanted) return { ...pages, pages: next }
  const newest = first.jobs[0]
  const last = next.at(-1)?.jobs.at(-1)
  // One that is older than all that is shown comes with its own page.
  if (last && job.created_at < last.created_at && next.at(-1)?.next_page_token) return { ...pages, pages: next }
  const at =
    !newest || job.created_at >= newest.created_at ? 0 : first.jobs.findIndex((one) => one.created_at < job.created_at)
  return {
    ...pages,
    pages: [{ ...first, jobs: first.jobs.toSpliced(at < 0 ? first.jobs.length : at, 0, job) }, ...rest],
  }
}

export function without(pages: JobPages, id: string): JobPages {
  return {
    ...pages,
    pages: pages.pages.map((page) => ({ ...page, jobs: page.jobs.filter((job) => job.job_id !== id) })),
  }
}
