# What can be chosen: the warehouse, who deploys, what is watched.

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

run "without_a_wish" {
  command = plan

  # The warehouse is in the bucket.
  assert {
    condition     = length(google_sql_database_instance.this) == 0 && length(google_bigquery_dataset.this) == 0
    error_message = "A warehouse is paid for that nobody asked for."
  }

  assert {
    condition     = !contains(keys(google_project_service.this), "sqladmin.googleapis.com")
    error_message = "A service is switched on that nobody uses."
  }

  # Argo CD deploys.
  assert {
    condition     = helm_release.argocd[0].atomic && helm_release.root[0].atomic && length(helm_release.krai) == 0
    error_message = "Argo CD is not what deploys, or what fails stays."
  }

  assert {
    condition     = yamldecode(helm_release.root[0].values[0]).applications.krai.source.path == "gitops/argocd" && yamldecode(helm_release.root[0].values[0]).applications.krai.source.repoURL == "https://github.com/owner/krai.git"
    error_message = "Argo CD reads something else than gitops/argocd of this repository."
  }

  assert {
    condition     = yamldecode(helm_release.root[0].values[0]).applications.krai.syncPolicy.retry.limit == -1
    error_message = "The root application gives up what only takes longer."
  }

  assert {
    condition = yamldecode(helm_release.root[0].values[0]).applications.krai.source.helm.valuesObject == {
      repoURL                      = "https://github.com/owner/krai.git"
      revision                     = "v1.2.3"
      project_id                   = "krai-test"
      gcs_bucket                   = "krai-test-krai"
      firestore_database           = "(default)"
      artifact_registry_repository = "europe-west1-docker.pkg.dev/krai-test/krai"
      host                         = "krai.example.org"
      customers                    = []
    }
    error_message = "Argo CD is not told what was made here."
  }
}

run "the_warehouse_is_postgresql" {
  command = plan

  variables {
    warehouse    = "postgres"
    sql_password = "not to be seen"
  }

  assert {
    condition     = !google_sql_database_instance.this[0].settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.this[0].settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "The database has a public address, or speaks without TLS."
  }

  assert {
    condition     = google_sql_user.this[0].password_wo == null && google_sql_user.this[0].password == null
    error_message = "The password stands in the state."
  }

  assert {
    condition     = google_sql_user.this[0].password_wo_version == 1
    error_message = "A password that is new is not sent."
  }

  assert {
    condition     = google_sql_database_instance.this[0].settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "The database cannot be had back."
  }
}

run "the_warehouse_is_bigquery" {
  command = plan

  variables {
    warehouse = "bigquery"
  }

  assert {
    condition     = google_bigquery_dataset_iam_member.worker_edits[0].role == "roles/bigquery.dataEditor" && google_project_iam_member.worker_runs_queries[0].role == "roles/bigquery.jobUser"
    error_message = "Workers cannot write the datasets."
  }
}

run "a_release_is_a_revision" {
  command = plan

  variables {
    revision = "v1.2.4"
  }

  assert {
    condition     = yamldecode(helm_release.root[0].values[0]).applications.krai.source.targetRevision == "v1.2.4" && output.revision == "v1.2.4"
    error_message = "Argo CD follows another revision, or the way back is not known."
  }
}

run "nothing_is_followed_that_nobody_has_said" {
  command = plan

  variables {
    revision = null
  }

  expect_failures = [helm_release.root]
}

run "another_database_is_told_to_argo_cd" {
  command = plan

  variables {
    firestore_database = "krai-2"
  }

  assert {
    condition     = yamldecode(helm_release.root[0].values[0]).applications.krai.source.helm.valuesObject.firestore_database == "krai-2"
    error_message = "krai goes on in the old database."
  }
}

run "images_are_where_the_workflows_push_them" {
  command = plan

  variables {
    name = "other"
  }

  assert {
    condition     = google_artifact_registry_repository.this.repository_id == "krai" && endswith(output.artifact_registry_repository, "/krai-test/krai")
    error_message = "Workflows push to krai, whatever the cluster is called."
  }

  # A signature has no tag, or that of the digest it signs.
  assert {
    condition = alltrue([
      for policy in google_artifact_registry_repository.this.cleanup_policies : policy.condition[0].tag_state == "TAGGED" if policy.action == "DELETE"
      ]) && contains(flatten([
        for policy in google_artifact_registry_repository.this.cleanup_policies : [for condition in policy.condition : condition.tag_prefixes] if policy.action == "KEEP"
    ]), "sha256-")
    error_message = "Signatures go before the images that they sign."
  }
}

run "terraform_deploys" {
  command = apply

  variables {
    delivery     = "helm"
    image_tag    = "abc1234"
    secrets      = {} # an apply wants ephemeral variables named
    sql_password = ""
  }

  assert {
    condition     = alltrue([for release in [helm_release.krai[0], helm_release.krai_frontend[0], helm_release.keda[0], helm_release.external_secrets[0]] : release.atomic && release.cleanup_on_fail])
    error_message = "A release that fails stays as it is."
  }

  assert {
    condition     = yamldecode(element(helm_release.krai[0].values, -1)).image.tag == "abc1234" && yamldecode(element(helm_release.krai[0].values, -1)).google.bucket == "krai-test-krai"
    error_message = "The chart is not told what was made here."
  }

  assert {
    condition     = length(helm_release.argocd) == 0
    error_message = "Two deploy at once."
  }
}

run "nobody_deploys_into_an_empty_project" {
  command = plan

  variables {
    delivery = "none"
  }

  assert {
    condition     = length(helm_release.argocd) + length(helm_release.root) + length(helm_release.krai) == 0
    error_message = "Helm is asked of a cluster that is not there yet."
  }
}

run "alerts_say_what_to_do" {
  command = plan

  variables {
    notification_channels = ["projects/krai-test/notificationChannels/1"]
  }

  assert {
    condition = alltrue([
      for alert in concat(values(google_monitoring_alert_policy.krai), [google_monitoring_alert_policy.dead_letters, google_monitoring_alert_policy.down]) :
      can(regex("https://github.com/owner/krai/blob/main/docs/runbooks/[a-z-]+\\.md", alert.documentation[0].content)) && alert.notification_channels == tolist(["projects/krai-test/notificationChannels/1"])
    ])
    error_message = "An alert reaches nobody, or leaves them alone."
  }

  assert {
    condition     = google_monitoring_uptime_check_config.api.http_check[0].path == "/healthz" && google_monitoring_uptime_check_config.api.http_check[0].validate_ssl
    error_message = "Nobody looks whether krai can be reached."
  }

  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.this.dashboard_json).mosaicLayout.tiles) == 6
    error_message = "The dashboard lacks a tile."
  }
}
