# The warehouse in PostgreSQL, where `warehouse` says so: within the network, over TLS alone. docs/warehouses.md says what is to be made in it.

resource "google_compute_global_address" "sql" {
  count = local.with_postgres

  name          = "${var.name}-sql"
  network       = google_compute_network.this.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 24
}

resource "google_service_networking_connection" "sql" {
  count = local.with_postgres

  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.sql[0].name]
}

resource "google_sql_database_instance" "this" {
  count = local.with_postgres

  name             = var.name
  region           = var.region
  database_version = "POSTGRES_17"

  deletion_protection = var.deletion_protection

  settings {
    tier                        = var.sql_tier
    edition                     = "ENTERPRISE"
    availability_type           = "REGIONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = 20
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = local.labels

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
      }
    }

    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = false
      record_client_address   = false
    }

    database_flags {
      name  = "log_duration"
      value = "on"
    }

    dynamic "database_flags" {
      for_each = {
        log_checkpoints            = "on"
        log_connections            = "on"
        log_disconnections         = "on"
        log_lock_waits             = "on"
        log_hostname               = "on"
        log_min_error_statement    = "error"
        log_min_messages           = "error"
        log_min_duration_statement = "-1"
        log_statement              = "ddl"
        "cloudsql.enable_pgaudit"  = "on"
      }

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  # A disk grows by itself and never shrinks: as it is written here, a grown one would be replaced, and the instance with it.
  lifecycle {
    ignore_changes = [settings[0].disk_size]
  }

  depends_on = [google_service_networking_connection.sql]
}

resource "google_sql_database" "this" {
  count = local.with_postgres

  instance = google_sql_database_instance.this[0].name
  name     = "krai"
}

# The password goes to Google and into the secret krai-warehouse-url, and not into the state. It is sent when its number is new: an apply without it,
# as `release` does, leaves it as it is.
resource "google_sql_user" "this" {
  count = local.with_postgres

  instance            = google_sql_database_instance.this[0].name
  name                = "krai"
  password_wo         = var.sql_password
  password_wo_version = var.sql_password_version
}
