export const KIND_WORDS = { export: 'Export', import: 'Import', drop: 'Drop', undo: 'Undo' } as const
