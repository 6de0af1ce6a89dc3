# The containers of secrets. Their values are put in by hand (`gcloud secrets versions add`) or by `secrets` below, which is ephemeral: neither
# comes into the state. What has no value yet is not used: the chart names those that it takes.

locals {
  # By the setting that reads it.
  secrets = {
    API_KEY                 = "krai-api-key"
    KRAI_MANIFEST_KEY       = "krai-manifest-key"
    GOOGLE_CLIENT_SECRET    = "krai-google-client-secret"
    KRAI_OIDC_ISSUERS       = "krai-oidc-issuers"
    KRAI_WAREHOUSE_URL      = "krai-warehouse-url"
    KRAI_ICEBERG_CREDENTIAL = "krai-iceberg-credential"
    KRAI_RATE_LIMIT_STORAGE = "krai-rate-limit-storage"
  }

  # No two releases have the same key, or one would open the other.
  customer_secrets = { for customer in var.customers : customer => "krai-${customer}-api-key" }
}

resource "google_secret_manager_secret" "this" {
  for_each = merge(local.secrets, local.customer_secrets)

  secret_id = each.value
  labels    = local.labels

  deletion_protection = var.deletion_protection
  version_destroy_ttl = "604800s" # a version that was destroyed by mistake can be had back for a week

  # In this region and nowhere else.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_version" "this" {
  for_each = var.secret_versions

  secret = google_secret_manager_secret.this[each.key].id

  # Written when its number is new and never again: whoever applies later, as `release` does, has the number and not the value.
  secret_data_wo         = lookup(var.secrets, each.key, "")
  secret_data_wo_version = each.value

  # Whoever applies without the number leaves what was written as it is.
  deletion_policy = "ABANDON"
}

# The External Secrets Operator reads these and no others.
resource "google_secret_manager_secret_iam_member" "eso_reads" {
  for_each = google_secret_manager_secret.this

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.eso.member
}
