output "project_id" {
  description = "GOOGLE_CLOUD_PROJECT; the GitHub secret GCP_PROJECT_ID"
  value       = var.project_id
}

output "region" {
  description = "Where everything is"
  value       = var.region
}

output "cluster_name" {
  description = "gcloud container clusters get-credentials <cluster_name> --region <region> --dns-endpoint"
  value       = google_container_cluster.this.name
}

output "artifact_registry_repository" {
  description = "Where images are pushed: <this>/krai:<tag>"
  value       = local.registry
}

output "gcs_bucket" {
  description = "GCS_BUCKET"
  value       = google_storage_bucket.this.name
}

output "firestore_database" {
  description = "KRAI_FIRESTORE_DATABASE"
  value       = google_firestore_database.this.name
}

output "pubsub_topic" {
  description = "PUBSUB_TOPIC"
  value       = google_pubsub_topic.jobs.name
}

output "pubsub_subscription" {
  description = "PUBSUB_SUBSCRIPTION"
  value       = google_pubsub_subscription.jobs.name
}

output "dead_letter_topic" {
  description = "KRAI_DEAD_LETTER_TOPIC"
  value       = google_pubsub_topic.dead.name
}

output "api_service_account" {
  description = "Annotates the Kubernetes service account krai-api"
  value       = google_service_account.api.email
}

output "worker_service_account" {
  description = "Annotates the Kubernetes service account krai-worker"
  value       = google_service_account.worker.email
}

output "signer_service_account" {
  description = "KRAI_SIGNER_SERVICE_ACCOUNT"
  value       = google_service_account.signer.email
}

output "eso_service_account" {
  description = "Annotates external-secrets/external-secrets"
  value       = google_service_account.eso.email
}

output "keda_service_account" {
  description = "Annotates keda/keda-operator"
  value       = google_service_account.keda.email
}

output "gcp_workload_identity_provider" {
  description = "The GitHub secret GCP_WORKLOAD_IDENTITY_PROVIDER"
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "github_actions_service_account" {
  description = "The GitHub secret GCP_SERVICE_ACCOUNT: pushes images"
  value       = google_service_account.github_actions.email
}

output "github_terraform_service_account" {
  description = "The GitHub variable GCP_TERRAFORM_SERVICE_ACCOUNT: applies, in the environment that is approved"
  value       = google_service_account.github_terraform.email
}

output "github_plan_service_account" {
  description = "The GitHub variable GCP_PLAN_SERVICE_ACCOUNT: plans, in pull requests"
  value       = google_service_account.github_plan.email
}

output "revision" {
  description = "What was deployed: what Argo CD follows, or whose charts these are"
  value       = var.revision
}

output "secrets" {
  description = "The secret in Secret Manager of each setting that has one"
  value       = local.secrets
}

output "sql_address" {
  description = "The host of KRAI_WAREHOUSE_URL, where the warehouse is postgres"
  value       = one(google_sql_database_instance.this[*].private_ip_address)
}
