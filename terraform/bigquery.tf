# The warehouse in BigQuery, where `warehouse` says so. Workers alone connect.

resource "google_bigquery_dataset" "this" {
  count = local.with_bigquery

  dataset_id  = "krai"
  location    = var.region
  description = "Datasets of krai: read the views, write nothing."
  labels      = local.labels

  delete_contents_on_destroy = !var.deletion_protection
  max_time_travel_hours      = "168"

  depends_on = [google_project_service.this]
}

resource "google_bigquery_dataset_iam_member" "worker_edits" {
  count = local.with_bigquery

  dataset_id = google_bigquery_dataset.this[0].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.worker.member
}

resource "google_project_iam_member" "worker_runs_queries" {
  count = local.with_bigquery

  project = var.project_id
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.worker.member
}
