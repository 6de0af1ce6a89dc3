# What is refused before anything is made.

mock_provider "google" {}

mock_provider "helm" {}

variables {
  project_id        = "krai-test"
  github_repository = "owner/krai"
  host              = "krai.example.org"
  revision          = "v1.2.3"
}

run "what_cannot_be_read" {
  command = plan

  variables {
    project_id          = "Krai"
    region              = "europe-west1-b"
    name                = "-"
    customers           = ["A"]
    host                = "https://krai.example.org"
    browser_origins     = ["*"]
    node_range          = "10.10.0.0"
    pod_range           = "pods"
    service_range       = "10.30.0.0/40"
    authorized_networks = { all = "0.0.0.0/0" }
    release_channel     = "EXTENDED"
    security_group      = "admins@example.org"
    node_pools          = { general = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 0 } }
    firestore_database  = "Krai"
    results_kept_days   = 1
    warehouse           = "mysql"
    secret_versions     = { PORT = 1 }
    github_repository   = "krai"
    github_owner_id     = "owner"
    delivery            = "ftp"
  }

  expect_failures = [
    var.project_id,
    var.region,
    var.name,
    var.customers,
    var.host,
    var.browser_origins,
    var.node_range,
    var.pod_range,
    var.service_range,
    var.authorized_networks,
    var.release_channel,
    var.security_group,
    var.node_pools,
    var.firestore_database,
    var.results_kept_days,
    var.warehouse,
    var.secret_versions,
    var.github_repository,
    var.github_owner_id,
    var.delivery,
  ]
}

run "a_customer_without_a_file" {
  command = plan

  variables {
    customers = ["a", "nobody"]
  }

  expect_failures = [var.customers]
}

run "what_would_not_work" {
  command = plan

  variables {
    customers  = ["backend"]
    node_pools = { spot = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 2, spot = true } }
  }

  expect_failures = [
    var.customers,
    var.node_pools,
  ]
}
