# Wake-ups of jobs. A message tells nothing but a job's id: one that is lost is sent again by the sweep, one that comes twice finds the job as it is.
# scripts/provision.py makes the same on the emulators.

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  topics = {
    jobs = google_pubsub_topic.jobs.id
    dead = google_pubsub_topic.dead.id
  }

  subscriptions = {
    jobs = google_pubsub_subscription.jobs.id
    dead = google_pubsub_subscription.dead.id
  }
}

resource "google_pubsub_topic" "jobs" {
  #checkov:skip=CKV_GCP_83:Encrypted with Google's keys. A message holds the id of a job and nothing of its data.

  name   = "krai-jobs"
  labels = local.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic" "dead" {
  #checkov:skip=CKV_GCP_83:Encrypted with Google's keys. A message holds the id of a job and nothing of its data.

  name   = "krai-jobs-dead"
  labels = local.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this]
}

resource "google_pubsub_subscription" "jobs" {
  name   = "krai-jobs-sub"
  topic  = google_pubsub_topic.jobs.id
  labels = local.labels

  # KRAI_LEASE_S: a lease of the same length costs no call of its own when a message is taken.
  ack_deadline_seconds       = 30
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # never, however long nobody pulls
  }

  # krai counts a job's attempts itself and says when the next one is due, so what is handed back comes again soon.
  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "10s"
  }

  # Every hand-over at the end of a worker counts as a delivery. The limit is for messages that lead nowhere.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = 100
  }
}

# Workers empty it at every sweep; what stays there is an alert.
resource "google_pubsub_subscription" "dead" {
  #checkov:skip=KRAI_6:It is where dead letters are. What cannot be settled comes again until somebody has looked.

  name   = "krai-jobs-dead-sub"
  topic  = google_pubsub_topic.dead.id
  labels = local.labels

  ack_deadline_seconds       = 30
  message_retention_duration = "2678400s" # 31 days, the most there is

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
}

# Pub/Sub itself moves dead letters: it publishes them there, and acknowledges them here.
resource "google_pubsub_topic_iam_member" "agent_buries" {
  topic  = google_pubsub_topic.dead.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_acks" {
  subscription = google_pubsub_subscription.jobs.id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# The API publishes jobs. The worker publishes those that fell between two stores, and buries what leads to no job.
resource "google_pubsub_topic_iam_member" "api_publishes" {
  topic  = google_pubsub_topic.jobs.id
  role   = "roles/pubsub.publisher"
  member = google_service_account.api.member
}

resource "google_pubsub_topic_iam_member" "worker_publishes" {
  for_each = local.topics

  topic  = each.value
  role   = "roles/pubsub.publisher"
  member = google_service_account.worker.member
}

resource "google_pubsub_subscription_iam_member" "worker_pulls" {
  for_each = local.subscriptions

  subscription = each.value
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.worker.member
}

# Both look at all four before they start, and say which is missing.
resource "google_pubsub_topic_iam_member" "looks" {
  for_each = { for pair in setproduct(keys(local.topics), keys(local.processes)) : join("-", pair) => pair }

  topic  = local.topics[each.value[0]]
  role   = "roles/pubsub.viewer"
  member = local.processes[each.value[1]]
}

resource "google_pubsub_subscription_iam_member" "looks" {
  for_each = { for pair in setproduct(keys(local.subscriptions), keys(local.processes)) : join("-", pair) => pair }

  subscription = local.subscriptions[each.value[0]]
  role         = "roles/pubsub.viewer"
  member       = local.processes[each.value[1]]
}
