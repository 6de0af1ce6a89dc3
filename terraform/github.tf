# GitHub's workflows come in by the tokens that GitHub signs for them. Tokens of other repositories are refused by the provider itself; each account
# below takes those of one branch or one environment.

locals {
  github_pool = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}"

  # What `terraform apply` of this folder needs.
  terraform_roles = [
    "roles/artifactregistry.admin",
    "roles/binaryauthorization.policyEditor",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/container.admin",
    "roles/datastore.owner",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/monitoring.admin",
    "roles/pubsub.admin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ]

  # What `terraform plan` needs; it reads no secret and no data.
  plan_roles = ["roles/viewer", "roles/iam.securityReviewer", "roles/container.clusterViewer"]
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "github"
  display_name              = "GitHub"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"        = "assertion.sub"
    "attribute.repository"  = "assertion.repository"
    "attribute.ref"         = "assertion.ref"
    "attribute.environment" = "assertion.environment"
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
  for_each = toset(local.terraform_roles)

  project = var.project_id
  role    = each.value
  member  = google_service_account.github_terraform.member
}

# `infra`: plans this folder for a pull request, and changes nothing. Forks get no token.
resource "google_service_account" "github_plan" {
  account_id   = "github-plan"
  display_name = "krai: terraform plan"
  description  = "Plans Terraform, in pull requests of ${var.github_repository}."

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "github_plan" {
  service_account_id = google_service_account.github_plan.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.github_pool}/attribute.event/pull_request"
}

resource "google_project_iam_member" "github_plan" {
  for_each = toset(local.plan_roles)

  project = var.project_id
  role    = each.value
  member  = google_service_account.github_plan.member
}
