locals {
  registry = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}

resource "google_artifact_registry_repository" "this" {
  #checkov:skip=CKV_GCP_84:Encrypted with Google's keys. Images hold no secret.

  location      = var.region
  repository_id = "krai" # what the workflows push to
  format        = "DOCKER"
  description   = "Images of krai and of its dashboard"
  labels        = local.labels

  docker_config {
    immutable_tags = false # `latest` moves; what is deployed is named by the commit
  }

  cleanup_policy_dry_run = false

  # An image, its signature and what is attested of it are versions of one package, five a build at most: the last thirty builds.
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"

    most_recent_versions {
      keep_count = 150
    }
  }

  # Released images; and signatures where they have a tag, which is made of the digest that they sign.
  cleanup_policies {
    id     = "keep-versions"
    action = "KEEP"

    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["v", "sha256-"]
    }
  }

  # Every build has a tag, the commit's; a signature or an attestation has none, and a kilobyte or two. So what was released stays, and can be verified
  # for as long as it is there.
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      tag_state  = "TAGGED"
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_artifact_registry_repository_iam_member" "node_reads" {
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.node.member
}

resource "google_artifact_registry_repository_iam_member" "github_writes" {
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.github_actions.member
}
