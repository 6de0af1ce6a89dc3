# krai without Argo CD: the charts of this repository, by Terraform itself. A release whose pods do not come up is rolled back by Helm (`atomic`), it alone
# and while it is applied. What came before it, and what turns out bad later, goes back by the workflow `release`: another apply, of what was before.

locals {
  with_helm = var.delivery == "helm" ? 1 : 0
  image_tag = var.image_tag == null ? {} : { tag = var.image_tag }
}

resource "helm_release" "external_secrets" {
  count = local.with_helm

  name             = "external-secrets"
  namespace        = "external-secrets"
  create_namespace = true

  chart             = "${path.module}/../helm/external-secrets"
  dependency_update = true

  atomic          = true
  cleanup_on_fail = true
  timeout         = 600

  values = [yamlencode({
    external-secrets = {
      serviceAccount = {
        annotations = {
          "iam.gke.io/gcp-service-account" = google_service_account.eso.email
        }
      }
    }
  })]

  depends_on = [google_container_node_pool.this]
}

resource "helm_release" "keda" {
  count = local.with_helm

  name             = "keda"
  namespace        = "keda"
  create_namespace = true

  chart             = "${path.module}/../helm/keda"
  dependency_update = true

  atomic          = true
  cleanup_on_fail = true
  timeout         = 600

  values = [yamlencode({
    keda = {
      serviceAccount = {
        operator = {
          annotations = {
            "iam.gke.io/gcp-service-account" = google_service_account.keda.email
          }
        }
      }
    }
  })]

  depends_on = [google_container_node_pool.this]
}

resource "helm_release" "krai" {
  count = local.with_helm

  name             = "krai"
  namespace        = "krai-backend"
  create_namespace = true

  chart = "${path.module}/../helm/krai"

  atomic          = true
  cleanup_on_fail = true
  timeout         = 900
  max_history     = 10

  # What Argo CD gives it too, and then what is known here.
  values = concat(
    [for values in ["krai.yaml", "backend.yaml"] : file("${local.gitops}/${values}") if fileexists("${local.gitops}/${values}")],
    [yamlencode({
      host  = var.host
      image = merge({ repository = "${local.registry}/krai" }, local.image_tag)
      google = {
        project              = var.project_id
        bucket               = google_storage_bucket.this.name
        firestoreDatabase    = google_firestore_database.this.name
        apiServiceAccount    = google_service_account.api.email
        workerServiceAccount = google_service_account.worker.email
        signerServiceAccount = google_service_account.signer.email
      }
      pubsub = {
        topic           = google_pubsub_topic.jobs.name
        subscription    = google_pubsub_subscription.jobs.name
        deadLetterTopic = google_pubsub_topic.dead.name
      }
      monitoring = {
        runbooks = local.runbooks
      }
    })],
  )

  depends_on = [helm_release.external_secrets, helm_release.keda, google_service_account_iam_member.workload_identity]
}

resource "helm_release" "krai_frontend" {
  count = local.with_helm

  name             = "krai-frontend"
  namespace        = "krai-frontend"
  create_namespace = true

  chart = "${path.module}/../helm/krai-frontend"

  atomic          = true
  cleanup_on_fail = true
  timeout         = 600
  max_history     = 10

  values = concat(
    [for values in ["krai-frontend.yaml", "frontend.yaml"] : file("${local.gitops}/${values}") if fileexists("${local.gitops}/${values}")],
    [yamlencode({
      host  = var.host
      image = merge({ repository = "${local.registry}/krai-frontend" }, local.image_tag)
      expose = {
        gateway = {
          namespace = helm_release.krai[0].namespace
        }
      }
    })],
  )
}
