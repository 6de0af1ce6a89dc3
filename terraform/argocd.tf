# Argo CD, and the one application that all others come from: gitops/argocd. From then on git says what runs; Terraform only says which revision.

locals {
  with_argocd = var.delivery == "argocd" ? 1 : 0
  repository  = "https://github.com/${var.github_repository}.git"
  gitops      = "${path.module}/../gitops/values"
}

resource "helm_release" "argocd" {
  count = local.with_argocd

  name             = "argocd"
  namespace        = "argocd"
  create_namespace = true

  repository = "https://argoproj.github.io/argo-helm"
  chart      = "argo-cd"
  version    = "10.1.1"

  atomic          = true
  cleanup_on_fail = true
  timeout         = 900

  values = concat(
    [for values in fileset(local.gitops, "argo-cd.yaml") : file("${local.gitops}/${values}")],
    [yamlencode({
      # Reached by `kubectl port-forward` and no other way.
      server        = { service = { type = "ClusterIP" } }
      dex           = { enabled = false }
      notifications = { enabled = false }
    })],
  )

  depends_on = [google_container_node_pool.this]
}

resource "helm_release" "root" {
  count = local.with_argocd

  name      = "krai"
  namespace = "argocd"

  repository = "https://argoproj.github.io/argo-helm"
  chart      = "argocd-apps"
  version    = "2.0.5"

  atomic          = true
  cleanup_on_fail = true

  values = [yamlencode({
    applications = {
      krai = {
        namespace  = "argocd"
        project    = "default"
        finalizers = ["resources-finalizer.argocd.argoproj.io"]

        source = {
          repoURL        = local.repository
          targetRevision = var.revision
          path           = "gitops/argocd"

          # What git does not know: whose project this is.
          helm = {
            valuesObject = {
              repoURL                      = local.repository
              revision                     = var.revision
              project_id                   = var.project_id
              gcs_bucket                   = google_storage_bucket.this.name
              firestore_database           = google_firestore_database.this.name
              artifact_registry_repository = local.registry
              host                         = var.host
              customers                    = sort(var.customers)
            }
          }
        }

        destination = {
          server    = "https://kubernetes.default.svc"
          namespace = "argocd"
        }

        syncPolicy = {
          automated   = { prune = true, selfHeal = true }
          syncOptions = ["CreateNamespace=true"]
          retry       = { limit = -1, backoff = { duration = "30s", factor = 2, maxDuration = "5m" } }
        }
      }
    }
  })]

  lifecycle {
    precondition {
      condition     = var.revision != null
      error_message = "Argo CD follows whatever is said here: -var=revision=main, or after a release the last tag, which `git describe --tags --abbrev=0 --match 'v*'` tells."
    }
  }

  depends_on = [helm_release.argocd]
}
