# Who is who. What an account may do stands beside the thing that it does it to; here, who may act as it. No account has a key.

locals {
  # Which Kubernetes service account acts as which of these. Customers' releases keep everything in their own pod and are nobody here.
  identities = {
    "krai-backend/krai-api"             = google_service_account.api.name
    "krai-backend/krai-worker"          = google_service_account.worker.name
    "keda/keda-operator"                = google_service_account.keda.name
    "external-secrets/external-secrets" = google_service_account.eso.name
  }

  processes = {
    api    = google_service_account.api.member
    worker = google_service_account.worker.member
  }
}

resource "google_service_account" "api" {
  account_id   = "krai-api"
  display_name = "krai: API"
  description  = "Writes jobs, publishes them, opens uploads. Reads no table and holds no key."

  depends_on = [google_project_service.this]
}

resource "google_service_account" "worker" {
  account_id   = "krai-worker"
  display_name = "krai: workers"
  description  = "Runs jobs: reads and writes data. Signs nothing."

  depends_on = [google_project_service.this]
}

resource "google_service_account" "signer" {
  account_id   = "krai-signer"
  display_name = "krai: signed links"
  description  = "Reads the files of jobs, so that links signed as this account open these. No process runs as it."

  depends_on = [google_project_service.this]
}

resource "google_service_account" "eso" {
  account_id   = "krai-eso"
  display_name = "krai: External Secrets Operator"
  description  = "Reads krai's secrets."

  depends_on = [google_project_service.this]
}

resource "google_service_account" "keda" {
  account_id   = "keda-operator"
  display_name = "krai: KEDA"
  description  = "Reads metrics, by which workers are scaled."

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "workload_identity" {
  for_each = local.identities

  service_account_id = each.value
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${google_container_cluster.this.workload_identity_config[0].workload_pool}[${each.key}]"
}

# Signing blobs and nothing else: Service Account Token Creator would hand out tokens of the account as well.
resource "google_project_iam_custom_role" "signer" {
  role_id     = "kraiSignBlob"
  title       = "krai: iam.serviceAccounts.signBlob"
  permissions = ["iam.serviceAccounts.signBlob"]

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "api_signs" {
  service_account_id = google_service_account.signer.name
  role               = google_project_iam_custom_role.signer.name
  member             = google_service_account.api.member
}

resource "google_project_iam_member" "keda_reads_metrics" {
  project = var.project_id
  role    = "roles/monitoring.viewer"
  member  = google_service_account.keda.member
}
