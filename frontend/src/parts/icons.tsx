import type { SVGProps } from 'react'

/** Line icons of 20 units, drawn in the colour of the text; they decorate and are not read out. */
function icon(path: string) {
  return function Icon(props: SVGProps<SVGSVGElement>) {
    return (
      <svg
        viewBox="0 0 20 20"
        width="1.15em"
        height="1.15em"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.6}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        {...props}
      >
        <path d={path} />
      </svg>
    )
  }
}

export const IconCallback = icon('M5.5 13V9a4.5 4.5 0 0 1 9 0v4l1.5 2H4zM8.5 17.2h3')
export const IconCheck = icon('M4 10.5l4 4 8-9')
export const IconCopy = icon('M7 7h9v9H7zM4 13V4h9')
export const IconCross = icon('M5 5l10 10M15 5L5 15')
export const IconDatasets = icon(
  'M4 5.5c0-1.4 2.7-2.5 6-2.5s6 1.1 6 2.5S13.3 8 10 8 4 6.9 4 5.5zM4 5.5v9C4 15.9 6.7 17 10 17s6-1.1 6-2.5v-9M4 10c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5',
)
export const IconDownload = icon('M10 3v10m-4-4l4 4 4-4M4 17h12')
export const IconExport = icon('M10 13V3m-4 4l4-4 4 4M4 12v5h12v-5')
export const IconGrant = icon('M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9M10 12.3v1.6')
export const IconImport = icon('M10 3v10m-4-4l4 4 4-4M4 12v5h12v-5')
export const IconJobs = icon('M4 5h12M4 10h12M4 15h8')
export const IconKey = icon(
  'M12.5 4a3.5 3.5 0 1 1-1.2 6.8L9.5 12.5H8V14H6.5v1.5H4V13l5.2-5.2A3.5 3.5 0 0 1 12.5 4zM13.3 6.7v.1',
)
export const IconMoon = icon('M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8z')
export const IconPlus = icon('M10 4v12M4 10h12')
export const IconRetry = icon('M16 10a6 6 0 1 1-2-4.5M16 3v3.5h-3.5')
export const IconSettings = icon(
  'M4 6h6M14 6h2M10 6a2 2 0 1 0 4 0 2 2 0 0 0-4 0M4 14h2M10 14h6M6 14a2 2 0 1 0 4 0 2 2 0 0 0-4 0',
)
export const IconSignOut = icon('M8 4H4v12h4M12 6.5l4 3.5-4 3.5M16 10H8')
export const IconSun = icon(
  'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.5 4.5l1 1M14.5 14.5l1 1M4.5 15.5l1-1M14.5 5.5l1-1',
)
export const IconTrash = icon('M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10')
export const IconUndo = icon('M7 5L3.5 8.5 7 12M3.5 8.5H12a4 4 0 0 1 0 8H8')
export const IconUsers = icon(
  'M7.5 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5zM2.5 16c0-2.5 2-4.3 5-4.3s5 1.8 5 4.3M13 4.2a2.75 2.75 0 0 1 0 5.1M14.5 12c1.9.6 3 2 3 4',
)
export const IconWarning = icon('M10 3.5l7 12.5H3zM10 8.5v3.5M10 14.2v.1')
export const IconWebhook = icon('M3 10.5l14-6.5-4.5 13-3-5.5zM9.5 11.5L17 4')
