# GitHub's workflows come in by the tokens that GitHub signs for them. Tokens of other repositories are refused by the provider itself; each account
# below takes those of one branch or one environment.

locals {
  github_pool = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}"

  # What `terraform apply` of this folder needs.
  terraform_roles = concat([
    "roles/artifactregistry.admin",
    "roles/binaryauthorization.policyEditor",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/container.admin",
    "roles/datastore.backupSchedulesAdmin",
    "roles/datastore.owner",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/monitoring.admin",
    "roles/pubsub.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
    ],
    var.warehouse == "postgres" ? ["roles/cloudsql.admin", "roles/servicenetworking.networksAdmin"] : [],
    var.warehouse == "bigquery" ? ["roles/bigquery.dataOwner"] : [],
  )

  # What `terraform plan` needs: how things are set up, and no secret, no job, no file.
  plan_roles = concat(
    [
      "roles/artifactregistry.reader", # also the images, whose signatures a release looks at
      "roles/binaryauthorization.policyViewer",
      "roles/browser",
      "roles/compute.networkViewer",
      "roles/container.clusterViewer",
      "roles/iam.roleViewer",
      "roles/iam.securityReviewer",
      "roles/iam.serviceAccountViewer",
      "roles/iam.workloadIdentityPoolViewer",
      "roles/monitoring.viewer",
      "roles/pubsub.viewer",
      "roles/secretmanager.viewer",
      "roles/serviceusage.serviceUsageViewer",
      "projects/${var.project_id}/roles/${google_project_iam_custom_role.plan.role_id}",
    ],
    var.warehouse == "postgres" ? ["roles/cloudsql.viewer"] : [],
    var.warehouse == "bigquery" ? ["roles/bigquery.metadataViewer"] : [],
  )

  github_plan = {
    pull-request = "${local.github_pool}/attribute.event/pull_request"
    release      = "${local.github_pool}/attribute.environment/${var.github_plan_environment}"
  }
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "github"
  display_name              = "GitHub"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  #checkov:skip=CKV_GCP_125:The repository is asked for itself; branch, event and environment are asked for by each account.

  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"        = "assertion.sub"
    "attribute.repository"  = "assertion.repository"
    "attribute.ref"         = "assertion.ref"
    "attribute.environment" = "has(assertion.environment) ? assertion.environment : 'none'"
    "attribute.event"       = "assertion.event_name"
  }

  # The owner's number as well, where it is given: a name can be given up and taken by somebody else.
  attribute_condition = join(" && ", compact([
    "assertion.repository == '${var.github_repository}'",
    var.github_owner_id == null ? "" : "assertion.repository_owner_id == '${var.github_owner_id}'",
  ]))

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

# `cd`: pushes images, from the main branch.
resource "google_service_account" "github_actions" {
  account_id   = "github-actions"
  display_name = "krai: images"
  description  = "Pushes images, from the main branch of ${var.github_repository}."

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "github_actions" {
  service_account_id = google_service_account.github_actions.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.github_pool}/attribute.ref/refs/heads/main"
}

# `release`: applies this folder, in an environment that somebody approves.
resource "google_service_account" "github_terraform" {
  account_id   = "github-terraform"
  display_name = "krai: terraform apply"
  description  = "Applies Terraform, in the environment ${var.github_environment} of ${var.github_repository}."

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "github_terraform" {
  service_account_id = google_service_account.github_terraform.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.github_pool}/attribute.environment/${var.github_environment}"
}

resource "google_project_iam_member" "github_terraform" {
  #checkov:skip=CKV_GCP_49:It makes the service accounts of this folder, and says who may act as them. It is taken on in an environment that somebody approves.

  for_each = toset(local.terraform_roles)

  project = var.project_id
  role    = each.value
  member  = google_service_account.github_terraform.member
}

# Nodes run as this account, so whoever makes them must be allowed to say so.
resource "google_service_account_iam_member" "github_terraform_runs_nodes" {
  service_account_id = google_service_account.node.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.github_terraform.member
}

# Plans this folder for a pull request and before an approval, and changes nothing. Forks get no token.
resource "google_service_account" "github_plan" {
  account_id   = "github-plan"
  display_name = "krai: terraform plan"
  description  = "Plans Terraform, for pull requests and releases of ${var.github_repository}."

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "github_plan" {
  for_each = local.github_plan

  service_account_id = google_service_account.github_plan.name
  role               = "roles/iam.workloadIdentityUser"
  member             = each.value
}

# The viewers of Firestore and Cloud Storage see what is in them, too.
resource "google_project_iam_custom_role" "plan" {
  role_id = "kraiPlan"
  title   = "krai: how database and buckets are set up"

  permissions = [
    "datastore.backupSchedules.get",
    "datastore.backupSchedules.list",
    "datastore.databases.getMetadata",
    "datastore.indexes.get",
    "datastore.indexes.list",
    "datastore.locations.get",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
  ]

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_iam_member" "github_plan_reads_state" {
  count = var.state_bucket == null ? 0 : 1

  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.github_plan.member
}

resource "google_project_iam_member" "github_plan" {
  for_each = { for role in local.plan_roles : basename(role) => role }

  project = var.project_id
  role    = each.value
  member  = google_service_account.github_plan.member
}
