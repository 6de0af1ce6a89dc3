# The network and the cluster: private, and entered by identity.

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

run "the_cluster_is_private_and_hardened" {
  command = plan

  override_resource {
    target          = google_service_account.node
    override_during = plan
    values = {
      email  = "krai-node@krai-test.iam.gserviceaccount.com"
      member = "serviceAccount:krai-node@krai-test.iam.gserviceaccount.com"
    }
  }

  # Nodes have no public address.
  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes && google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "Nodes or the control plane have a public address."
  }

  assert {
    condition     = google_compute_subnetwork.nodes.private_ip_google_access && length(google_compute_router_nat.this.subnetwork) == 1
    error_message = "Nodes without an address reach neither Google nor the rest."
  }

  assert {
    condition     = !google_container_cluster.this.control_plane_endpoints_config[0].ip_endpoints_config[0].enabled
    error_message = "Without networks that were named the control plane has no address at all."
  }

  # The cluster is hardened.
  assert {
    condition     = google_container_cluster.this.workload_identity_config[0].workload_pool == "krai-test.svc.id.goog"
    error_message = "Pods have no identity of their own."
  }

  assert {
    condition     = google_container_cluster.this.datapath_provider == "ADVANCED_DATAPATH" && google_container_cluster.this.enable_shielded_nodes && google_container_cluster.this.release_channel[0].channel == "REGULAR"
    error_message = "No Dataplane V2 (then network policies are not enforced), no shielded nodes, or no release channel."
  }

  assert {
    condition     = google_container_cluster.this.monitoring_config[0].managed_prometheus[0].enabled && google_container_cluster.this.binary_authorization[0].evaluation_mode == "PROJECT_SINGLETON_POLICY_ENFORCE"
    error_message = "No managed Prometheus, or images are not looked at."
  }

  assert {
    condition     = google_binary_authorization_policy.this.default_admission_rule[0].enforcement_mode == "DRYRUN_AUDIT_LOG_ONLY"
    error_message = "Images are refused before anybody has seen which."
  }

  # Nodes run as an account of their own.
  assert {
    condition     = alltrue([for pool in google_container_node_pool.this : pool.node_config[0].service_account == "krai-node@krai-test.iam.gserviceaccount.com"])
    error_message = "Nodes run as the project's default account, which may do nearly everything."
  }

  assert {
    condition     = alltrue([for pool in google_container_node_pool.this : one(pool.node_config[0].workload_metadata_config).mode == "GKE_METADATA"])
    error_message = "Pods can have the node's own token."
  }

  assert {
    condition     = google_project_iam_member.node.role == "roles/container.defaultNodeServiceAccount" && google_artifact_registry_repository_iam_member.node_reads.role == "roles/artifactregistry.reader"
    error_message = "Nodes may do more, or less, than write logs and metrics and pull images."
  }
}

run "networks_that_were_named_reach_the_control_plane" {
  command = plan

  variables {
    authorized_networks = { office = "10.99.0.0/24" }
  }

  assert {
    condition     = google_container_cluster.this.control_plane_endpoints_config[0].ip_endpoints_config[0].enabled
    error_message = "The control plane has no address."
  }

  assert {
    condition     = one(one(google_container_cluster.this.master_authorized_networks_config).cidr_blocks).cidr_block == "10.99.0.0/24"
    error_message = "Another network is let in."
  }
}
