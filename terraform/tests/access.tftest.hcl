# Who may do what. Each account is given a name by which it is told from the others in what it was granted.

mock_provider "google" {
  override_during = plan # what Google would tell is made up before an apply

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

mock_provider "helm" {
  override_during = plan
}

override_resource {
  target          = google_service_account.api
  override_during = plan
  values          = { name = "projects/krai-test/serviceAccounts/krai-api", member = "serviceAccount:krai-api" }
}

override_resource {
  target          = google_service_account.worker
  override_during = plan
  values          = { name = "projects/krai-test/serviceAccounts/krai-worker", member = "serviceAccount:krai-worker" }
}

override_resource {
  target          = google_service_account.signer
  override_during = plan
  values          = { name = "projects/krai-test/serviceAccounts/krai-signer", member = "serviceAccount:krai-signer" }
}

override_resource {
  target          = google_iam_workload_identity_pool.github
  override_during = plan
  values          = { name = "projects/123456789012/locations/global/workloadIdentityPools/github" }
}

variables {
  project_id        = "krai-test"
  github_repository = "owner/krai"
  host              = "krai.example.org"
  revision          = "v1.2.3"
}

run "nobody_may_do_more_than_is_asked_of_them" {
  command = plan

  # The API opens uploads and no table.
  assert {
    condition     = google_storage_bucket_iam_member.api_uploads.member == "serviceAccount:krai-api" && google_storage_bucket_iam_member.api_uploads.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/krai-test-krai/objects/uploads/\")"
    error_message = "The API writes elsewhere than under uploads/."
  }

  assert {
    condition     = google_storage_bucket_iam_member.api_results.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/krai-test-krai/objects/jobs/\")"
    error_message = "The API reads more than the files of jobs."
  }

  assert {
    condition     = google_storage_bucket_iam_member.api_sources.member == "serviceAccount:krai-api" && google_storage_bucket_iam_member.api_sources.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/krai-test-krai/objects/sources/\")"
    error_message = "The API cannot look at a registered source, or reads more than these."
  }

  assert {
    condition     = google_project_iam_custom_role.bucket["kraiObjectRead"].permissions == toset(["storage.objects.get"])
    error_message = "Whoever may read may do more."
  }

  assert {
    condition     = google_project_iam_custom_role.bucket["kraiObjectList"].permissions == toset(["storage.objects.list"])
    error_message = "Whoever may list may do more."
  }

  assert {
    condition     = !contains(flatten([for role in google_project_iam_custom_role.bucket : tolist(role.permissions)]), "storage.objects.setIamPolicy")
    error_message = "Somebody may open objects to others."
  }

  # The API publishes jobs and nothing else.
  assert {
    condition     = google_pubsub_topic_iam_member.api_publishes.member == "serviceAccount:krai-api" && google_pubsub_topic_iam_member.api_publishes.role == "roles/pubsub.publisher"
    error_message = "The API cannot publish."
  }

  assert {
    condition     = alltrue([for grant in google_pubsub_subscription_iam_member.worker_pulls : grant.member == "serviceAccount:krai-worker"]) && length(google_pubsub_subscription_iam_member.worker_pulls) == 2
    error_message = "Workers pull jobs and dead letters, and nobody else does."
  }

  assert {
    condition     = length(google_pubsub_topic_iam_member.looks) == 4 && length(google_pubsub_subscription_iam_member.looks) == 4
    error_message = "krai does not start where it may not look at its topics and subscriptions."
  }

  # Links are signed as somebody who reads results.
  assert {
    condition     = google_service_account_iam_member.api_signs.service_account_id == "projects/krai-test/serviceAccounts/krai-signer" && google_service_account_iam_member.api_signs.member == "serviceAccount:krai-api"
    error_message = "The API cannot sign links."
  }

  assert {
    condition     = google_project_iam_custom_role.signer.permissions == toset(["iam.serviceAccounts.signBlob"])
    error_message = "Whoever signs could also have tokens of the account."
  }

  assert {
    condition     = google_storage_bucket_iam_member.signer_reads.member == "serviceAccount:krai-signer" && strcontains(google_storage_bucket_iam_member.signer_reads.condition[0].expression, "/objects/jobs/")
    error_message = "A link could open more than results."
  }

  # The database is open to two.
  assert {
    condition     = toset([for grant in google_project_iam_member.datastore_user : grant.member]) == toset(["serviceAccount:krai-api", "serviceAccount:krai-worker"])
    error_message = "Others may read the database, or one of the two may not."
  }

  assert {
    condition     = alltrue([for grant in google_project_iam_member.datastore_user : grant.condition[0].expression == "resource.name == \"projects/krai-test/databases/(default)\""])
    error_message = "Other databases of the project are open too."
  }

  # Nobody but krai's own pods and the operators is somebody.
  assert {
    condition     = toset(keys(google_service_account_iam_member.workload_identity)) == toset(["krai-backend/krai-api", "krai-backend/krai-worker", "keda/keda-operator", "external-secrets/external-secrets"])
    error_message = "A namespace has identities that it should not have, or lacks one."
  }

  assert {
    condition     = google_service_account_iam_member.workload_identity["krai-backend/krai-api"].service_account_id == "projects/krai-test/serviceAccounts/krai-api" && google_service_account_iam_member.workload_identity["krai-backend/krai-api"].member == "serviceAccount:krai-test.svc.id.goog[krai-backend/krai-api]"
    error_message = "The API is somebody else."
  }

  # GitHub comes in from one repository.
  assert {
    condition     = google_iam_workload_identity_pool_provider.github.attribute_condition == "assertion.repository == 'owner/krai'"
    error_message = "Other repositories may come in."
  }

  assert {
    condition     = google_service_account_iam_member.github_actions.member == "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/github/attribute.ref/refs/heads/main"
    error_message = "Images are pushed from elsewhere than the main branch."
  }

  assert {
    condition     = endswith(google_service_account_iam_member.github_terraform.member, "/attribute.environment/production")
    error_message = "Terraform is applied without an approval."
  }

  assert {
    condition     = toset([for grant in google_service_account_iam_member.github_plan : split("github/", grant.member)[1]]) == toset(["attribute.event/pull_request", "attribute.environment/plan"])
    error_message = "Plans are made for others than pull requests and releases."
  }

  assert {
    condition     = alltrue([for grant in google_project_iam_member.github_plan : !can(regex("(admin|owner|editor|writer)", lower(grant.role)))])
    error_message = "A pull request could change something."
  }
}

run "and_its_owners_number_can_be_asked_for" {
  command = plan

  variables {
    github_owner_id = "583231"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github.attribute_condition == "assertion.repository == 'owner/krai' && assertion.repository_owner_id == '583231'"
    error_message = "Whoever takes over the name may come in."
  }
}
