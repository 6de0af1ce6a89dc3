variable "project_id" {
  type        = string
  description = "The project, which is there already."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  type        = string
  default     = "europe-west1"
  description = "Where everything is."

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "Takes a region such as europe-west1, and no zone."
  }
}

variable "name" {
  type        = string
  default     = "krai"
  description = "The name of the cluster and its network."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "Takes 3 to 22 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Whether cluster, database, bucket and secrets refuse to be destroyed."
}

variable "customers" {
  type        = set(string)
  default     = []
  description = "Customers with a release of their own, as files of gitops/customers are named: each gets a secret for its API key, and Argo CD runs it."

  validation {
    condition     = alltrue([for customer in var.customers : can(regex("^[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?$", customer))])
    error_message = "A customer's name is that of a namespace without krai-: lower-case letters, digits and hyphens, 57 at most."
  }

  validation {
    condition     = !contains(var.customers, "backend") && !contains(var.customers, "frontend")
    error_message = "krai-backend and krai-frontend are krai's own namespaces."
  }

  validation {
    condition     = alltrue([for customer in var.customers : fileexists("${path.module}/../gitops/customers/${customer}.yaml")])
    error_message = "Each customer needs its file, gitops/customers/<name>.yaml, which Argo CD makes the release from."
  }
}

variable "host" {
  type        = string
  description = "The name krai is reached by, e.g. krai.example.org. It is looked at from outside."

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.host))
    error_message = "Takes the name of a host, without https:// and without a path."
  }
}

variable "browser_origins" {
  type        = list(string)
  default     = []
  description = "Pages beside https://<host> that send files to the bucket and read results of it, e.g. https://orders.example.org."

  validation {
    condition     = alltrue([for origin in var.browser_origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "Takes origins such as https://orders.example.org, and no *."
  }
}

# Data

variable "firestore_database" {
  type        = string
  default     = "(default)"
  description = "KRAI_FIRESTORE_DATABASE."

  validation {
    condition     = var.firestore_database == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.firestore_database))
    error_message = "Takes (default), or 4 to 63 lower-case letters, digits and hyphens."
  }
}

variable "firestore_location" {
  type        = string
  default     = null
  description = "Another place for the database than the region, e.g. eur3. It cannot be moved."
}

variable "bucket_name" {
  type        = string
  default     = null
  description = "GCS_BUCKET; <project_id>-krai without."
}

variable "results_kept_days" {
  type        = number
  default     = 30
  description = "After how many days the bucket itself removes files of jobs; more than KRAI_RESULT_TTL_HOURS."

  validation {
    condition     = var.results_kept_days >= 2
    error_message = "krai keeps results for a day; the bucket must keep them for longer."
  }
}

variable "source_buckets" {
  type        = set(string)
  default     = []
  description = "Other buckets that workers may import from."
}

variable "warehouse" {
  type        = string
  default     = "iceberg"
  description = "Where the datasets are: iceberg (in the bucket), postgres or bigquery."

  validation {
    condition     = contains(["iceberg", "postgres", "bigquery"], var.warehouse)
    error_message = "Takes iceberg, postgres or bigquery."
  }
}

variable "sql_tier" {
  type        = string
  default     = "db-custom-2-7680"
  description = "The machine of PostgreSQL."
}

variable "sql_password" {
  type        = string
  default     = "" # the provider refuses a number without a password
  sensitive   = true
  ephemeral   = true
  nullable    = false
  description = "The password of the role krai in PostgreSQL, where that is the warehouse: with the first apply, and with a new number."
}

variable "sql_password_version" {
  type        = number
  default     = 1
  description = "Raise it to have a new sql_password written."
}

variable "secrets" {
  type        = map(string)
  default     = {}
  sensitive   = true
  ephemeral   = true
  description = "Values of secrets by the setting that reads them, e.g. API_KEY, with the apply that makes or raises their number. They are written and forgotten."
}

variable "secret_versions" {
  type        = map(number)
  default     = {}
  description = "Which secrets have a value by `secrets`, and a number to raise when it is new: { API_KEY = 1 }."

  validation {
    condition     = alltrue([for setting in keys(var.secret_versions) : contains(keys(local.secrets), setting)])
    error_message = "Takes settings that have a secret: see secrets.tf."
  }
}

# Deployment

variable "github_repository" {
  type        = string
  description = "owner/name of the repository whose workflows come in, and that Argo CD reads."

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "Takes owner/name."
  }
}

variable "github_owner_id" {
  type        = string
  default     = null
  description = "The number of the repository's owner (gh api users/OWNER --jq .id)."

  validation {
    condition     = var.github_owner_id == null || can(regex("^[0-9]+$", var.github_owner_id))
    error_message = "Takes a number."
  }
}

variable "github_environment" {
  type        = string
  default     = "production"
  description = "The environment of the repository in which releases are approved."
}

variable "github_plan_environment" {
  type        = string
  default     = "plan"
  description = "The environment of the repository in which a release is planned, which needs no approval."
}

variable "state_bucket" {
  type        = string
  default     = null
  description = "The bucket of the state, where workflows are to plan."
}

variable "delivery" {
  type        = string
  default     = "argocd"
  description = "Who deploys: argocd (Argo CD from gitops/), helm (Terraform itself, from helm/), or none, for the first apply of an empty project."

  validation {
    condition     = contains(["argocd", "helm", "none"], var.delivery)
    error_message = "Takes argocd, helm or none."
  }
}

variable "revision" {
  type        = string
  default     = null
  description = "The branch, tag or commit that Argo CD follows. It is said with every apply: after a release, the last tag."
}

variable "image_tag" {
  type        = string
  default     = null
  description = "The tag of the images that Terraform itself deploys, where delivery is helm; that of gitops/values without."
}

variable "notification_channels" {
  type        = list(string)
  default     = []
  description = "Channels of Cloud Monitoring that hear alerts: projects/<project>/notificationChannels/<id>."
}

locals {
  labels        = { app = "krai", managed-by = "terraform" }
  with_postgres = var.warehouse == "postgres" ? 1 : 0
  with_bigquery = var.warehouse == "bigquery" ? 1 : 0
}
