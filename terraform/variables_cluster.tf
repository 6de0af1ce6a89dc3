# Of network.tf and cluster.tf.

variable "node_range" {
  type        = string
  default     = "10.10.0.0/20"
  description = "Addresses of nodes."

  validation {
    condition     = can(cidrnetmask(var.node_range))
    error_message = "Takes a network such as 10.10.0.0/20."
  }
}

variable "pod_range" {
  type        = string
  default     = "10.20.0.0/16"
  description = "Addresses of pods."

  validation {
    condition     = can(cidrnetmask(var.pod_range))
    error_message = "Takes a network such as 10.20.0.0/16."
  }
}

variable "service_range" {
  type        = string
  default     = "10.30.0.0/20"
  description = "Addresses of services."

  validation {
    condition     = can(cidrnetmask(var.service_range))
    error_message = "Takes a network such as 10.30.0.0/20."
  }
}

variable "authorized_networks" {
  type        = map(string)
  default     = {}
  description = "Networks within the VPC, by name, that reach the control plane by its private address. Without any it is reached by its DNS name alone."

  validation {
    condition     = alltrue([for network in values(var.authorized_networks) : can(cidrnetmask(network)) && network != "0.0.0.0/0"])
    error_message = "Takes networks such as 10.10.0.0/20, and not all the world."
  }
}

variable "release_channel" {
  type        = string
  default     = "REGULAR"
  description = "How early the cluster gets new versions of Kubernetes: RAPID, REGULAR or STABLE."

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE"], var.release_channel)
    error_message = "Takes RAPID, REGULAR or STABLE."
  }
}

variable "security_group" {
  type        = string
  default     = null
  description = "The group of Google Workspace whose groups have rights in the cluster, gke-security-groups@example.org."

  validation {
    condition     = var.security_group == null || can(regex("^gke-security-groups@", var.security_group))
    error_message = "GKE takes a group of the name gke-security-groups and no other."
  }
}

variable "node_pools" {
  type = map(object({
    machine_type = string
    min_nodes    = number
    max_nodes    = number
    disk_gb      = optional(number, 100)
    spot         = optional(bool, false)
  }))
  default = {
    general = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 6 }
  }
  description = "Nodes, in all zones together. Spot nodes grant 15 s when one is taken away: worker.graceS is 5 there, or jobs are not handed back."

  validation {
    condition     = alltrue([for pool in values(var.node_pools) : pool.min_nodes >= 0 && pool.max_nodes >= max(1, pool.min_nodes) && pool.disk_gb >= 30])
    error_message = "A pool has 0 or more nodes at least, one or more at most, and disks of 30 GB or more."
  }

  validation {
    condition     = anytrue([for pool in values(var.node_pools) : pool.min_nodes > 0 && !pool.spot])
    error_message = "One pool at least has a node that stays: the operators and the API run there."
  }
}

variable "binary_authorization_enforced" {
  type        = bool
  default     = false
  description = "Whether images from elsewhere than krai's registry and operator_images are refused. Until then they are noted in the audit log."
}

variable "operator_images" {
  type = list(string)
  default = [
    "ghcr.io/dexidp/*",
    "ghcr.io/external-secrets/*",
    "ghcr.io/kedacore/*",
    "ecr-public.aws.com/docker/library/redis*",
    "quay.io/argoproj/*",
    "quay.io/jetstack/*",
  ]
  description = "Images of the operators: Argo CD, cert-manager, External Secrets, KEDA."
}
