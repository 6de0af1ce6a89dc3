# Jobs, keys, people, and the catalog of datasets. The indexes are those of firestore.indexes.json, which the tests hold against every query.

locals {
  firestore = jsondecode(file("${path.module}/firestore.indexes.json"))

  firestore_indexes = {
    for index in local.firestore.indexes :
    join("/", concat([index.collectionGroup], [for field in index.fields : field.fieldPath])) => index
  }

  firestore_fields = {
    for field in local.firestore.fieldOverrides : "${field.collectionGroup}/${field.fieldPath}" => field
  }
}

resource "google_firestore_database" "this" {
  name        = var.firestore_database
  location_id = coalesce(var.firestore_location, var.region)
  type        = "FIRESTORE_NATIVE"

  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.this]
}

resource "google_firestore_index" "this" {
  for_each = local.firestore_indexes

  database    = google_firestore_database.this.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path   = fields.value.fieldPath
      order        = try(fields.value.order, null)
      array_config = try(fields.value.arrayConfig, null)
    }
  }
}

# Fields that nothing asks for have no index, which each write would pay for; those with `ttl` remove their documents.
resource "google_firestore_field" "this" {
  for_each = local.firestore_fields

  database   = google_firestore_database.this.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  index_config {}

  dynamic "ttl_config" {
    for_each = try(each.value.ttl, false) ? [true] : []

    content {}
  }
}

# Point-in-time recovery reaches back seven days; this reaches further.
resource "google_firestore_backup_schedule" "weekly" {
  database  = google_firestore_database.this.name
  retention = "4838400s" # 8 weeks

  weekly_recurrence {
    day = "SUNDAY"
  }
}

resource "google_project_iam_member" "datastore_user" {
  for_each = local.processes

  project = var.project_id
  role    = "roles/datastore.user"
  member  = each.value

  condition {
    title       = "krai-database"
    description = "This database and no other"
    expression  = "resource.name == \"projects/${var.project_id}/databases/${google_firestore_database.this.name}\""
  }
}
