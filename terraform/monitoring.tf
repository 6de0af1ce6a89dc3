# Few alerts, for what nobody but Google sees: the queue and the door. What krai itself tells (leases, attempts, disks) is alerted on by the rules of
# the chart. Each names the runbook that says what to do.

locals {
  runbooks = "https://github.com/${var.github_repository}/blob/main/docs/runbooks"

  # From a metric of Pub/Sub: how much is too much, and for how long.
  queue_alerts = {
    dead-letters = {
      says         = "Messages lie in the dead-letter queue"
      metric       = "pubsub.googleapis.com/subscription/num_undelivered_messages"
      subscription = google_pubsub_subscription.dead.name
      above        = 0
      lasting      = "300s"
      severity     = "ERROR"
    }
    queue-age = {
      says         = "The oldest wake-up has waited for ten minutes"
      metric       = "pubsub.googleapis.com/subscription/oldest_unacked_message_age"
      subscription = google_pubsub_subscription.jobs.name
      above        = 600
      lasting      = "300s"
      severity     = "WARNING"
    }
  }

  error_share = "sum(rate(krai_http_request_duration_seconds_count{status=~\"5..\"}[5m])) / sum(rate(krai_http_request_duration_seconds_count[5m]))"
}

resource "google_monitoring_alert_policy" "queue" {
  for_each = local.queue_alerts

  display_name          = "krai: ${each.value.says}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.says

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${each.value.subscription}\" AND metric.type = \"${each.value.metric}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = each.value.lasting

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "krai: ${each.value.says}"
    content   = "[Runbook](${local.runbooks}/${each.key}.md)"
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "api_errors" {
  display_name          = "krai: more than 2 % of requests fail"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "5xx of all answers, over five minutes"

    condition_prometheus_query_language {
      query               = "${local.error_share} > 0.02"
      duration            = "300s"
      evaluation_interval = "60s"

      disable_metric_validation = true # the metric comes with krai, which comes later
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "krai: more than 2 % of requests fail"
    content   = "[Runbook](${local.runbooks}/api-errors.md)"
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_uptime_check_config" "api" {
  display_name       = "krai: ${var.host}"
  period             = "60s"
  timeout            = "10s"
  log_check_failures = true
  user_labels        = local.labels

  http_check {
    path         = "/healthz"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"

    labels = {
      project_id = var.project_id
      host       = var.host
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "down" {
  display_name          = "krai: ${var.host} does not answer"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "Looked at from two places or more"

    condition_threshold {
      filter          = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.api.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "krai: ${var.host} does not answer"
    content   = "[Runbook](${local.runbooks}/api-down.md)"
  }
}

locals {
  # Title and query of each tile, three in a row.
  tiles = [
    ["Jobs in the queue", "sum(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"${google_pubsub_subscription.jobs.name}\"})"],
    ["Oldest wake-up, seconds", "max(pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=\"${google_pubsub_subscription.jobs.name}\"})"],
    ["Dead letters", "sum(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"${google_pubsub_subscription.dead.name}\"})"],
    ["Requests a second, by status", "sum by (status) (rate(krai_http_request_duration_seconds_count[5m]))"],
    ["Share of requests that fail", local.error_share],
    ["Jobs ended a minute, by status", "60 * sum by (status) (rate(krai_jobs_ended_total[5m]))"],
  ]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "krai"
    mosaicLayout = {
      columns = 48
      tiles = [
        for place, tile in local.tiles : {
          xPos   = (place % 3) * 16
          yPos   = floor(place / 3) * 12
          width  = 16
          height = 12
          widget = {
            title = tile[0]
            xyChart = {
              dataSets = [{
                plotType        = "LINE"
                timeSeriesQuery = { prometheusQuery = tile[1] }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.this]
}
