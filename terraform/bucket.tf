# Uploads, results and the tables of the warehouse. Nothing is ever written over, so versions would keep only what was meant to go: krai's own
# sweep, the rules below, and expired snapshots. What was deleted by mistake can be had back for a week.

locals {
  bucket_name = coalesce(var.bucket_name, "${var.project_id}-krai")

  objects = "projects/_/buckets/${google_storage_bucket.this.name}/objects"

  # The roles of Cloud Storage hold more than one of these each, and what stands beside them would be given away with them.
  bucket_roles = {
    kraiObjectList   = ["storage.objects.list"]
    kraiObjectRead   = ["storage.objects.get"]
    kraiUploadOpen   = ["storage.objects.create", "storage.objects.get"]
    kraiResultRemove = ["storage.objects.delete", "storage.objects.get"]
  }
}

resource "google_storage_bucket" "this" {
  #checkov:skip=CKV_GCP_62:Usage logs name nobody where signed links are followed. Who reads what is in Cloud Audit Logs, where an organisation has Data Access logs on.
  #checkov:skip=CKV_GCP_78:Files are written once and never over. Soft delete keeps what was removed for a week.

  name     = local.bucket_name
  location = var.region
  labels   = local.labels

  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # The dashboard, and other pages that were named, send files to the address of an upload and read results by signed links.
  cors {
    origin          = concat(["https://${var.host}"], var.browser_origins)
    method          = ["GET", "HEAD", "PUT"]
    response_header = ["Content-Type", "Content-Length", "Content-Range", "Range", "ETag", "x-goog-hash"]
    max_age_seconds = 3600
  }

  # Behind krai's own sweep, which removes uploads after a day and results after KRAI_RESULT_TTL_HOURS.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age            = 7
      matches_prefix = ["uploads/"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age            = var.results_kept_days
      matches_prefix = ["jobs/"]
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_project_iam_custom_role" "bucket" {
  for_each = local.bucket_roles

  role_id     = each.key
  title       = "krai: ${join(", ", each.value)}"
  permissions = each.value

  depends_on = [google_project_service.this]
}

# The worker reads and writes data: uploads, results, tables.
resource "google_storage_bucket_iam_member" "worker_data" {
  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser"
  member = google_service_account.worker.member
}

# The API sees what there is, opens uploads, reads and removes what belongs to jobs, and looks at files that imports name. It cannot open a table.
resource "google_storage_bucket_iam_member" "api_lists" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.bucket["kraiObjectList"].name
  member = google_service_account.api.member
}

resource "google_storage_bucket_iam_member" "api_uploads" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.bucket["kraiUploadOpen"].name
  member = google_service_account.api.member

  condition {
    title      = "uploads"
    expression = "resource.name.startsWith(\"${local.objects}/uploads/\")"
  }
}

resource "google_storage_bucket_iam_member" "api_results" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.bucket["kraiResultRemove"].name
  member = google_service_account.api.member

  condition {
    title      = "jobs"
    expression = "resource.name.startsWith(\"${local.objects}/jobs/\")"
  }
}

# A registered source, before a job is made of it: its size and its checksum.
resource "google_storage_bucket_iam_member" "api_sources" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.bucket["kraiObjectRead"].name
  member = google_service_account.api.member

  condition {
    title      = "sources"
    expression = "resource.name.startsWith(\"${local.objects}/sources/\")"
  }
}

# A signed link opens what its signer may read.
resource "google_storage_bucket_iam_member" "signer_reads" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.bucket["kraiObjectRead"].name
  member = google_service_account.signer.member

  condition {
    title      = "jobs"
    expression = "resource.name.startsWith(\"${local.objects}/jobs/\")"
  }
}

# Buckets of others, for imports from gs://bucket/object. Who may ask for one is told by krai's grants.
resource "google_storage_bucket_iam_member" "worker_sources" {
  for_each = var.source_buckets

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = google_service_account.worker.member
}
