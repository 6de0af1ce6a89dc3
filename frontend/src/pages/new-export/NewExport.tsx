import { Page } from '../../parts/Page'

export default function NewExport() {
  return <Page title="NewExport">…</Page>
}
