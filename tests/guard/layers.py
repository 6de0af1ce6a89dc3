"""Who may import whom. A row may import from the rows above it and from itself only within one part; never downward."""

# The parts of krai from the words down to what puts it all together; each name is krai.<name>, a module or a package.
ROWS = (
    ("client", "redaction"),
    ("attachment", "catalog_url", "durable", "errors", "failpoint", "formula", "known", "metrics", "observe", "pipeline", "text_encodings"),
    ("access", "signature", "strict_json", "tracing", "warehouse_url"),
    ("job", "settings"),
    ("dataset", "gs_uri", "identity", "outbound", "transitions"),
    ("ports", "predicate"),
    ("error_pages", "export_files", "verify"),
    ("cli",),
    ("formats",),
    ("warehouse", "backends"),
    ("feed", "transfer"),
    ("grants", "keys", "login_state", "sessions", "shared_settings", "users", "workers"),
    ("admission",),
    ("attempt", "lease", "losers", "verdict", "webhooks"),
    ("account", "claim", "selection", "turns"),
    ("submit", "execute", "sweep", "dead_letters"),
    ("steer",),
    ("api", "worker"),
    ("wiring", "__main__"),
)

# What only these parts may import.
ONLY_IN = {
    "duckdb": ("krai.transfer.sorting", "krai.warehouse.keys", "krai.warehouse.spilling"),
    "sqlglot": ("krai.predicate",),
    "google": (
        "krai.backends.google",
        "krai.warehouse.bigquery",
        "krai.warehouse.firestore_catalog",
        "krai.warehouse.rest_catalog",
        "krai.warehouse.rest_credentials",
    ),
    "grpc": ("krai.backends.google",),
    "fastapi": ("krai.api", "krai.wiring"),
    "starlette": ("krai.api", "krai.wiring"),
    "slowapi": ("krai.api", "krai.wiring"),
    "joserfc": ("krai.identity",),
    "prometheus_client": ("krai.metrics",),
    "opentelemetry": ("krai.tracing",),
    "pyarrow": ("krai.formats", "krai.warehouse", "krai.transfer"),
    "pyiceberg": ("krai.formats", "krai.warehouse", "krai.transfer"),
    "httpx": ("krai.client", "krai.identity", "krai.outbound", "krai.transfer.download", "krai.webhooks.post"),
    "httpcore": ("krai.outbound",),
    "psycopg": ("krai.warehouse.postgres",),
    "adbc_driver_manager": ("krai.warehouse.postgres",),
    "adbc_driver_postgresql": ("krai.warehouse.postgres",),
    "requests": ("krai.warehouse.rest_catalog", "krai.warehouse.rest_credentials"),
    "typer": ("krai.cli",),
    "rich": ("krai.cli",),
    "krai.client": ("krai.client", "krai.cli"),
    "krai.backends": ("krai.backends", "krai.wiring"),
    "krai.wiring": ("krai.wiring", "main", "worker"),
}

# What these parts must not load, not even by way of others: the API never opens a data file, the command is no server.
OUT_OF_REACH = {
    "krai.api": ("pyarrow", "pyiceberg", "duckdb", "psycopg", "google.cloud.bigquery", "opentelemetry"),
    "krai.cli": ("pyarrow", "pyiceberg", "duckdb", "sqlglot", "fastapi", "starlette", "structlog", "opentelemetry", "krai.settings"),
    "krai.client": ("pyarrow", "pydantic", "krai.settings", "krai.errors"),
}
