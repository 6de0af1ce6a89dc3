"""Writes helm/krai/dashboards/krai.json, which Grafana imports: rows of panels, each with what it asks Prometheus for."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "helm" / "krai" / "dashboards" / "krai.json"
HERE = '{namespace=~"$namespace"}'
# Those that stay open for as long as a client listens.
SHORT = '{namespace=~"$namespace",route!~"/ws|/api/v1/jobs/{job_id}/events"}'
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDE, HIGH, ACROSS = 8, 8, 3


@dataclass(frozen=True)
class Panel:
    """`asked` holds legends and expressions; `unit` is one of Grafana's names."""

    title: str
    unit: str
    asked: dict[str, str]


def rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{HERE}[$__rate_interval]))"


def total(metric: str) -> str:
    return f"sum(rate({metric}{HERE}[$__rate_interval]))"


def quantiles(metric: str, *shares: float, labels: str = HERE) -> dict[str, str]:
    of_all = f"sum by (le) (rate({metric}_bucket{labels}[$__rate_interval]))"
    return {f"p{round(share * 100)}": f"histogram_quantile({share}, {of_all})" for share in shares}


ROWS: dict[str, tuple[Panel, ...]] = {
    "API": (
        Panel("Requests by status", "reqps", {"{{status}}": rate("krai_http_request_duration_seconds_count", "status")}),
        Panel("Requests by route", "reqps", {"{{method}} {{route}}": rate("krai_http_request_duration_seconds_count", "method, route")}),
        Panel(
            "Time to answer",
            "s",
            quantiles("krai_http_request_duration_seconds", 0.5, 0.95, 0.99, labels=SHORT),
        ),
    ),
    "Queue": (
        Panel(
            "Jobs",
            "short",
            {
                "waiting, {{namespace}}": f"max by (namespace) (krai_queue_depth{HERE})",
                "waiting and running, {{namespace}}": f"max by (namespace) (krai_queue_backlog{HERE})",
            },
        ),
        Panel("Age of the job that waits longest", "s", {"{{namespace}}": f"max by (namespace) (krai_queue_oldest_age_seconds{HERE})"}),
        Panel("Wait for a worker", "s", quantiles("krai_job_wait_seconds", 0.5, 0.95)),
    ),
    "Jobs": (
        Panel("Accepted", "short", {"{{type}}": rate("krai_jobs_accepted_total", "type")}),
        Panel("Ended", "short", {"{{type}} {{status}}": rate("krai_jobs_ended_total", "type, status")}),
        Panel("Failed, by problem", "short", {"{{code}}": rate("krai_job_failures_total", "code")}),
        Panel("From request to end", "s", quantiles("krai_job_duration_seconds", 0.5, 0.95)),
        Panel(
            "Rows",
            "rowsps",
            {"{{type}}": rate("krai_records_processed_total", "type"), "rejected": total("krai_records_rejected_total")},
        ),
        Panel("Bytes", "Bps", {"{{type}}": rate("krai_bytes_processed_total", "type")}),
    ),
    "Workers": (
        Panel("Slots", "short", {"taken": f"sum(krai_jobs_running{HERE})", "there": f"sum(krai_worker_slots{HERE})"}),
        Panel("Messages, by what came of them", "short", {"{{outcome}}": rate("krai_claims_total", "outcome")}),
        Panel("Attempts, by the job's status after them", "short", {"{{status}}": rate("krai_job_attempts_total", "status")}),
        Panel("Children replaced", "short", {"{{reason}}": rate("krai_child_restarts_total", "reason")}),
        Panel("Leases lost", "short", {"lost": total("krai_lease_losses_total")}),
        Panel("Sweeps", "short", {"{{outcome}}": rate("krai_sweeps_total", "outcome")}),
    ),
    "The rest": (
        Panel("Calls of receivers", "short", {"{{outcome}}": rate("krai_callbacks_total", "outcome")}),
        Panel("Dead letters", "short", {"{{reason}}": rate("krai_dead_letters_total", "reason")}),
        Panel("Disk free", "percentunit", {"{{pod}}": f"krai_disk_free_bytes{HERE} / krai_disk_size_bytes{HERE}"}),
        Panel("Processes by version", "short", {"{{version}}": f"count by (version) (krai_build_info{HERE})"}),
    ),
}


def document() -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    top = 0
    for row, shown in ROWS.items():
        panels.append({"type": "row", "title": row, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}})
        top += 1
        panels += [_panel(panel, number, top) for number, panel in enumerate(shown)]
        top += HIGH * -(-len(shown) // ACROSS)
    return {
        "uid": "krai",
        "title": "krai",
        "tags": ["krai"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_datasource(), _namespace()]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, 1)],
    }


def _panel(panel: Panel, number: int, top: int) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"h": HIGH, "w": WIDE, "x": WIDE * (number % ACROSS), "y": top + HIGH * (number // ACROSS)},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for place, (legend, expression) in enumerate(panel.asked.items())
        ],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _namespace() -> dict[str, Any]:
    every = "label_values(krai_build_info, namespace)"
    return {
        "name": "namespace",
        "label": "Customer",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": every, "refId": "namespace"},
        "definition": every,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def text() -> str:
    return json.dumps(document(), indent=2) + "\n"


def main() -> None:
    FILE.write_text(text())


if __name__ == "__main__":
    main()
