locals {
  services = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "binaryauthorization.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "compute.googleapis.com",
      "container.googleapis.com",
      "firestore.googleapis.com",
      "iam.googleapis.com",
      "iamcredentials.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
      "sts.googleapis.com",
    ],
    var.warehouse == "postgres" ? ["servicenetworking.googleapis.com", "sqladmin.googleapis.com"] : [],
    var.warehouse == "bigquery" ? ["bigquery.googleapis.com"] : [],
  ))
}

resource "google_project_service" "this" {
  for_each = local.services

  project = var.project_id
  service = each.value

  # What else is in the project may use them too.
  disable_on_destroy = false
}
