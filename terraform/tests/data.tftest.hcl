# What holds data: the queue, the database, the bucket, the secrets.

mock_provider "google" {
  override_during = plan # what Google would tell is made up before an apply

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

mock_provider "helm" {
  override_during = plan
}

variables {
  project_id        = "krai-test"
  github_repository = "owner/krai"
  host              = "krai.example.org"
  revision          = "v1.2.3"
}

run "data_is_kept" {
  command = plan

  # The queue forgets nothing.
  assert {
    condition     = google_pubsub_topic.jobs.name == "krai-jobs" && google_pubsub_subscription.jobs.name == "krai-jobs-sub"
    error_message = "The queue has another name than krai looks for."
  }

  assert {
    condition     = google_pubsub_topic.dead.name == "krai-jobs-dead" && google_pubsub_subscription.dead.name == "krai-jobs-dead-sub"
    error_message = "krai looks for dead letters at the topic's name with -sub."
  }

  assert {
    condition     = alltrue([for one in [google_pubsub_subscription.jobs, google_pubsub_subscription.dead] : one.expiration_policy[0].ttl == ""])
    error_message = "A subscription that nobody pulls from would be gone after a month."
  }

  assert {
    condition     = google_pubsub_subscription.jobs.dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "A worker's end counts as a delivery: a low limit buries live jobs."
  }

  assert {
    condition     = google_pubsub_subscription.jobs.retry_policy[0].maximum_backoff == "10s"
    error_message = "krai says itself when a job is due; Pub/Sub must not wait on top of that."
  }

  # Pub/Sub may bury.
  assert {
    condition     = google_pubsub_topic_iam_member.agent_buries.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub's own account publishes dead letters."
  }

  assert {
    condition     = google_pubsub_subscription_iam_member.agent_acks.role == "roles/pubsub.subscriber"
    error_message = "Without it a message is buried and stays."
  }

  # Every index of the file is made.
  assert {
    condition     = length(google_firestore_index.this) == length(local.firestore.indexes)
    error_message = "Two indexes of the file have the same fields."
  }

  assert {
    condition = alltrue([
      for key, index in local.firestore_indexes :
      length(google_firestore_index.this[key].fields) == length(index.fields)
    ])
    error_message = "An index has fewer fields than in the file."
  }

  assert {
    condition     = google_firestore_index.this["jobs/webhooks/finished_at"].fields[0].array_config == "CONTAINS" && google_firestore_index.this["jobs/webhooks/finished_at"].fields[1].order == "DESCENDING"
    error_message = "A field's order or its search in lists got lost."
  }

  assert {
    condition = alltrue([
      for key, field in local.firestore_fields :
      length(google_firestore_field.this[key].ttl_config) == (try(field.ttl, false) ? 1 : 0) && length(google_firestore_field.this[key].index_config) == 1
    ])
    error_message = "What is to be forgotten has a time to live, what is asked for by nobody has no index."
  }

  # The database can be had back.
  assert {
    condition     = google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "The database has no point-in-time recovery."
  }

  assert {
    condition     = google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.this.deletion_policy == "ABANDON"
    error_message = "The database can be deleted."
  }

  assert {
    condition     = google_firestore_database.this.location_id == "europe-west1"
    error_message = "Without a wish the database is in the region."
  }

  # The bucket is shut.
  assert {
    condition     = google_storage_bucket.this.name == "krai-test-krai" && google_storage_bucket.this.uniform_bucket_level_access && google_storage_bucket.this.public_access_prevention == "enforced"
    error_message = "The bucket is open to whom an object's own list lets in."
  }

  assert {
    condition     = one(google_storage_bucket.this.cors).origin == tolist(["https://krai.example.org"])
    error_message = "Pages that nobody has named may call, or the dashboard may not."
  }

  assert {
    condition = alltrue([
      for rule in google_storage_bucket.this.lifecycle_rule :
      contains(["uploads/", "jobs/"], one(one(rule.condition).matches_prefix)) if one(rule.action).type == "Delete"
    ])
    error_message = "A rule removes more than uploads and results: tables have no age."
  }
}

run "pages_that_were_named_may_send_files" {
  command = plan

  variables {
    browser_origins = ["https://orders.example.org"]
  }

  assert {
    condition     = one(google_storage_bucket.this.cors).origin == tolist(["https://krai.example.org", "https://orders.example.org"])
    error_message = "The page may not send files to the bucket."
  }
}

run "secrets_have_no_value_in_the_state" {
  command = plan

  variables {
    secrets         = { API_KEY = "not to be seen" }
    secret_versions = { API_KEY = 1 }
  }

  assert {
    condition     = google_secret_manager_secret.this["API_KEY"].secret_id == "krai-api-key"
    error_message = "The chart looks for krai-api-key."
  }

  assert {
    condition     = google_secret_manager_secret_version.this["API_KEY"].secret_data_wo == null && google_secret_manager_secret_version.this["API_KEY"].secret_data == null
    error_message = "A secret's value stands in the state."
  }

  assert {
    condition     = length(google_secret_manager_secret_iam_member.eso_reads) == length(google_secret_manager_secret.this)
    error_message = "The External Secrets Operator cannot read all of them."
  }
}

run "who_applies_later_has_the_number_and_not_the_value" {
  command = plan

  variables {
    secret_versions = { API_KEY = 1 }
  }

  assert {
    condition     = google_secret_manager_secret_version.this["API_KEY"].secret_data_wo_version == 1 && google_secret_manager_secret_version.this["API_KEY"].deletion_policy == "ABANDON"
    error_message = "A release would take a value away that somebody has written."
  }
}

run "a_customer_has_a_key_of_its_own" {
  command = plan

  variables {
    customers = ["a", "b"]
  }

  assert {
    condition     = google_secret_manager_secret.this["a"].secret_id == "krai-a-api-key" && contains(keys(google_secret_manager_secret_iam_member.eso_reads), "b")
    error_message = "A customer's key has no place, or cannot be read."
  }

  assert {
    condition     = yamldecode(helm_release.root[0].values[0]).applications.krai.source.helm.valuesObject.customers == ["a", "b"]
    error_message = "Argo CD is not told who runs."
  }
}

run "what_may_be_destroyed_is" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = google_firestore_database.this.deletion_policy == "DELETE" && google_storage_bucket.this.force_destroy && !google_container_cluster.this.deletion_protection
    error_message = "An installation for a try cannot be removed."
  }
}
