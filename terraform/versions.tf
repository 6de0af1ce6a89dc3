terraform {
  required_version = ">= 1.11" # write-only arguments, by which no secret comes into the state

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50.0"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.1.1"
    }
  }

  # terraform init -backend-config="bucket=$STATE_BUCKET" -backend-config="prefix=krai"
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region
}

# Reached by the cluster's DNS name, whose certificate is a public one: who may come in is told by IAM, and no address has to be let in. The token is
# asked for when it is needed: one that comes of a data source would stand in the state, which pull requests may read.
provider "helm" {
  kubernetes = {
    host = "https://${local.control_plane}"

    exec = {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "gke-gcloud-auth-plugin"
    }
  }
}

data "google_project" "this" {
  project_id = var.project_id
}
