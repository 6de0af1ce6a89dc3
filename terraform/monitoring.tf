# Few alerts, for the project as a whole: the door, the errors, the queue. What goes on in one krai (leases, attempts, disks) is alerted on by the rules
# of the chart. Each names the runbook that says what to do.

locals {
  runbooks = "https://github.com/${var.github_repository}/blob/main/docs/runbooks"

  # Without those who ask whether it is ready, which is nobody's request.
  requests    = "krai_http_request_duration_seconds_count{route!=\"/readyz\"}"
  failures    = "krai_http_request_duration_seconds_count{status=~\"5..\",route!=\"/readyz\"}"
  error_share = "sum(rate(${local.failures}[5m])) / sum(rate(${local.requests}[5m]))"

  # What krai tells of itself: how much is too much. Pub/Sub's own age of a message goes on while a worker has it, however well that does.
  own_alerts = {
    api-errors = {
      says     = "more than 2 % of requests fail"
      query    = "${local.error_share} > 0.02"
      severity = "CRITICAL"
    }
    queue-age = {
      says     = "a job has waited for ten minutes"
      query    = "max(krai_queue_oldest_age_seconds) > 600"
      severity = "WARNING"
    }
  }
}

resource "google_monitoring_alert_policy" "krai" {
  for_each = local.own_alerts

  display_name          = "krai: ${each.value.says}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.says

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "300s"
      evaluation_interval = "60s"

      disable_metric_validation = true # the metric comes with krai, which comes later
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "krai: ${each.value.says}"
    content   = "[Runbook](${local.runbooks}/${each.key}.md)"
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  display_name          = "krai: messages lie in the dead-letter queue"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.notification_channels
  user_labels           = local.labels

  conditions {
    display_name = "Messages of the dead-letter subscription, for five minutes"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "300s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "krai: messages lie in the dead-letter queue"
    content   = "[Runbook](${local.runbooks}/dead-letters.md)"
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
    ["Oldest job that waits, seconds", "max(krai_queue_oldest_age_seconds)"],
    ["Dead letters", "sum(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"${google_pubsub_subscription.dead.name}\"})"],
    ["Requests a second, by status", "sum by (status) (rate(${local.requests}[5m]))"],
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
