"""The answers that the OpenAPI description shows: one export of the sample dataset, one import of contacts."""

from typing import Any

BASE = "http://127.0.0.1:8080"
EXPORT_ID = "3f2a9c0e5d7b41688e1c0a9b7d6f5e43"
IMPORT_ID = "b81d46f0c39e4a7f9256d07c1e8a34b5"


def job(**changes: Any) -> dict[str, Any]:
    link = f"{BASE}/api/v1/jobs/{changes.get('job_id', EXPORT_ID)}"
    return {
        "job_id": EXPORT_ID,
        "type": "export",
        "status": "PENDING",
        "progress": 0,
        "stage": "queued",
        "records_processed": 0,
        "records_total": None,
        "records_rejected": 0,
        "bytes_processed": 0,
        "files_written": 0,
        "files": [],
        "phases": [],
        "attempt": 0,
        "max_attempts": 5,
        "attempts": [],
        "dataset": "users",
        "params": {
            "format": "csv",
            "compression": "none",
            "csv": None,
            "columns": None,
            "filter": None,
            "order_by": None,
            "limit": None,
            "as_of": None,
            "size_mb": None,
            "split_rows": None,
            "filename": None,
        },
        "labels": {"team": "sales"},
        "description": "",
        "created_by": "api-key",
        "parent_job_id": None,
        "cancel_requested": False,
        "created_at": "2026-11-21T09:30:00.000000Z",
        "started_at": None,
        "updated_at": "2026-11-21T09:30:00.000000Z",
        "finished_at": None,
        "expires_at": None,
        "error": None,
        "callback": None,
        "links": {"self": link, "result": f"{link}/result", "events": f"{link}/events", "cancel": f"{link}/cancel"},
        **changes,
    }


WRITTEN_FILE = {
    "name": "users-00001.csv",
    "size_bytes": 419430,
    "records": 4000,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "crc32c": "yZRlqg==",
}
UNDER_WAY = {
    "number": 2,
    "worker": None,
    "started_at": "2026-11-21T09:30:30.200000Z",
    "ended_at": None,
    "outcome": None,
    "code": None,
    "stage": "queued",
    "records_processed": 0,
}
ATTEMPT = UNDER_WAY | {"number": 1, "started_at": "2026-11-21T09:30:00.120000Z", "stage": "writing", "records_processed": 3000}
JOB = job()
IMPORT_JOB = job(
    job_id=IMPORT_ID,
    type="import",
    dataset="contacts",
    params={"source": "salesforce", "format": "csv", "compression": "auto", "mode": "append", "schema": None},
)
DROP_JOB = job(type="drop", params={"snapshot_id": "4358109269123471234"})
UNDO_JOB = job(
    type="undo", dataset="contacts", params={"job_id": IMPORT_ID}, parent_job_id=IMPORT_ID, job_id="5e0c8b7a91d24f36a8e4c1b2d3f60718"
)
RUNNING = job(
    status="PROCESSING",
    stage="writing",
    progress=42,
    records_processed=4200,
    records_total=10000,
    files_written=1,
    files=[WRITTEN_FILE],
    phases=[
        {"stage": "reading", "started_at": "2026-11-21T09:30:30.310000Z"},
        {"stage": "writing", "started_at": "2026-11-21T09:30:30.420000Z"},
    ],
    attempt=2,
    attempts=[ATTEMPT | {"ended_at": "2026-11-21T09:30:28.140000Z", "outcome": "failed", "code": "store_busy"}, UNDER_WAY],
    started_at="2026-11-21T09:30:00.120000Z",
)
STOPPING = {**RUNNING, "cancel_requested": True}
RETRIED = job(parent_job_id=IMPORT_ID)
JOBS = {"jobs": [JOB], "next_page_token": None}
EXPORT_RESULT = {
    "job_id": EXPORT_ID,
    "type": "export",
    "status": "COMPLETED",
    "download_url": f"{BASE}/files/jobs/{EXPORT_ID}/e1/users.csv?expires=1795253400&filename=users.csv&signature=…",
    "url_expires_at": "2026-11-21T09:45:00.000000Z",
    "file_size_bytes": 1048576,
    "records": 10000,
    "format": "csv",
    "dataset": "users",
    "snapshot_id": "4358109269123471234",
    "snapshot_time": "2026-11-21T09:00:00.000000Z",
    "complete": True,
    "files": [
        {
            "name": "users.csv",
            "download_url": f"{BASE}/files/jobs/{EXPORT_ID}/e1/users.csv?expires=1795253400&filename=users.csv&signature=…",
            "size_bytes": 1048576,
            "records": 10000,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "crc32c": "yZRlqg==",
        }
    ],
    "files_total": 1,
    "manifest_url": f"{BASE}/files/jobs/{EXPORT_ID}/e1/manifest.json?expires=1795253400&filename=manifest.json&signature=…",
    "manifest_signature_url": f"{BASE}/files/jobs/{EXPORT_ID}/e1/manifest.json.jws?expires=1795253400&filename=…&signature=…",
}
EXPORT_FILES = {
    "files": [
        {
            **WRITTEN_FILE,
            "download_url": f"{BASE}/files/jobs/{EXPORT_ID}/e1/users-00001.csv?expires=1795253400&filename=users-00001.csv&signature=…",
        }
    ],
    "total": 1,
    "url_expires_at": "2026-11-21T09:45:00.000000Z",
    "next_page_token": None,
}
MANIFEST_KEYS = {
    "keys": [
        {
            "crv": "Ed25519",
            "kty": "OKP",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "alg": "Ed25519",
            "use": "sig",
        }
    ]
}
IMPORT_RESULT = {
    "job_id": IMPORT_ID,
    "type": "import",
    "status": "COMPLETED",
    "records_processed": 998,
    "records_inserted": 998,
    "records_updated": 0,
    "records_rejected": 2,
    "dataset": "contacts",
    "snapshot_id": "7731985502316609921",
    "rejects_url": f"{BASE}/files/jobs/{IMPORT_ID}/e1/rejects.csv?expires=1795253400&filename=rejects.csv&signature=…",
}
REJECTS = {
    "errors": [{"row": 17, "column": "age", "code": "type_mismatch", "detail": "Takes a whole number.", "raw": "Ada,unknown"}],
    "total": 1,
    "rejects_url": IMPORT_RESULT["rejects_url"],
    "next_page_token": None,
}
DATASET = {
    "name": "users",
    "columns": [{"name": "id", "type": "int64", "nullable": False}, {"name": "email", "type": "string", "nullable": True}],
    "rows": 10000,
    "bytes": 524288,
    "snapshot_id": "4358109269123471234",
    "updated_at": "2026-11-21T09:00:00.000000Z",
}
SNAPSHOT = {
    "snapshot_id": DATASET["snapshot_id"],
    "committed_at": DATASET["updated_at"],
    "job_id": IMPORT_ID,
    "mode": "upsert",
    "rows": 10000,
    "records_inserted": 20,
    "records_updated": 3,
    "records_removed": 0,
    "records_restored": 0,
}
UPLOAD = {
    "upload_id": "0c7a5b1d9e3f48268a4b6c2d1e0f9a87",
    "upload_url": f"{BASE}/uploads/uploads/0c7a5b1d9e3f48268a4b6c2d1e0f9a87?expires=1795339800&size=1048576&signature=…",
    "method": "PUT",
    "headers": {},
    "protocol": "gcs-resumable",
    "expires_at": "2026-11-22T09:30:00.000000Z",
}

STATUS = {
    "version": "0.1.0",
    "queue": {"waiting": 3, "processing": 2, "oldest_age_s": 1.5},
    "workers": [
        {
            "name": "krai-worker-1-7-3f2a9c0e",
            "version": "0.1.0",
            "slots": 2,
            "running": 2,
            "seen_at": "2026-01-31T12:00:00.000000Z",
            "here": True,
        }
    ],
}
ME = {
    "id": "https://accounts.google.com|113849…",
    "email": "ada@example.org",
    "admin": False,
    "scopes": ["export", "import", "read"],
    "groups": ["sales"],
    "tenant": None,
}
KEY = {
    "key_id": "9f86d081884c7d65",
    "name": "nightly export",
    "owner": "https://accounts.google.com|104813720419480017",
    "email": "ada@example.org",
    "scopes": ["export", "read"],
    "created_at": "2026-11-02T09:00:00.000Z",
    "expires_at": "2027-01-31T09:00:00.000Z",
    "last_used_at": None,
}
NEW_KEY = {**KEY, "key": "krai_9f86d081884c7d65_<the secret>"}
USER = {
    "email": "ada@example.org",
    "role": "user",
    "groups": ["sales"],
    "added_at": "2026-11-02T08:00:00.000Z",
    "added_by": "api-key",
    "signed_in": True,
}
GRANT = {
    "resource": "dataset/orders",
    "read": ["all"],
    "write": ["group:sales"],
    "changed_at": "2026-11-02T08:00:00.000Z",
    "changed_by": "api-key",
}
SETTING = {"name": "banner", "value": "Exports pause on Sunday.", "updated_at": "2026-11-02T08:00:00.000Z", "updated_by": "api-key"}
SETTING_WITH_HISTORY = {
    **SETTING,
    "changes": [{"value": "Exports pause on Sunday.", "deleted": False, "at": "2026-11-02T08:00:00.000Z", "by": "api-key"}],
}
WEBHOOK_SECRET = {
    "secret": "whsec_…",
    "created_at": "2026-11-21T09:30:00.000000Z",
    "previous_until": "2026-11-22T09:30:00.000000Z",
}
WEBHOOK = {
    "webhook_id": "6b1f0e8c2d4a4f7795c3a1b0d9e8f706",
    "url": "https://hooks.example.org/krai",
    "events": ["job.completed", "job.failed", "job.cancelled"],
    "datasets": [],
    "description": "the data team's inbox",
    "scope": "own",
    "enabled": True,
    "disabled_at": None,
    "disabled_why": None,
    "failing_since": None,
    "created_at": "2026-11-21T09:30:00.000000Z",
    "updated_at": "2026-11-21T09:30:00.000000Z",
}
DELIVERY = {
    "delivery_id": f"msg_{EXPORT_ID}_completed",
    "job_id": EXPORT_ID,
    "dataset": "users",
    "event": "job.completed",
    "state": "delivered",
    "attempts": 1,
    "last_status": 204,
    "last_error": None,
    "created_at": "2026-11-21T09:30:04.000000Z",
    "last_at": "2026-11-21T09:30:04.100000Z",
    "next_at": None,
}
RESENT = {**DELIVERY, "state": "pending", "attempts": 0, "next_at": "2026-11-21T10:00:00.000000Z"}
WEBHOOK_TEST = {
    "message_id": "msg_0c7a5b1d9e3f48268a4b6c2d1e0f9a87_test",
    "delivered": True,
    "status": 204,
    "error": None,
    "duration_ms": 180,
}
