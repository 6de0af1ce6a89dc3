import type { JobAnswer } from '../api/schema'

const KINDS = { export: 'Export', import: 'Import', drop: 'Drop', undo: 'Undo' } as const

/** What a job is called; a dry run is no import. */
export function kindWord(job: JobAnswer): string {
  return job.params.dry_run === true ? 'Dry run' : KINDS[job.type]
}
