"""The alerts and the dashboard ask for metrics that there are, and whoever is woken finds what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase
from typer.core import TyperGroup

from krai import metrics
from krai.cli.app import app
from krai.errors import PROBLEMS
from krai.job import FINISHED, Kind
from scripts import grafana
from scripts.generate import METRICS_PAGE, metrics_table, with_metrics
from tests.guard.source import ROOT

RULES = ROOT / "helm" / "krai" / "rules" / "krai.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
SCRAPED = {"namespace", "pod", "le"}  # labels that a scrape adds, and that of a bucket
NAME = re.compile(r"\bkrai_[a-z_]+")
LABEL = re.compile(r'([a-z_]+)(=|!=|=~|!~)"([^"]*)"')
BY = re.compile(r"\bby \(([^)]*)\)")


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def series() -> dict[str, set[str]]:
    """The labels of every name that an expression may ask for."""
    found: dict[str, set[str]] = {family.name: set() for family in metrics.Queue(lambda: (0, 0, 0.0)).describe()}
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    for metric in [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]:
        (family,) = metric.describe()
        found |= {family.name + ending: set(metric._labelnames) for ending in endings[family.type]}  # noqa: SLF001 - told nowhere else
    return found


def astray(expression: str) -> list[str]:
    """What an expression names that there is not."""
    known = series()
    names = set(NAME.findall(expression))
    labels = set().union(*(known.get(name, set()) for name in names)) | SCRAPED
    asked = {label for label, _, _ in LABEL.findall(expression)} | {
        label.strip() for by in BY.findall(expression) for label in by.split(",") if label.strip()
    }
    return sorted(names - known.keys()) + sorted(asked - labels)


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_asks_for_what_there_is(alert: dict[str, Any]) -> None:
    assert astray(alert["expr"]) == []
    assert NAME.search(alert["expr"])


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_who_is_woken_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"]["summary"]
    runbook = RUNBOOKS / f"{kebab(alert['alert'])}.md"
    assert alert["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{runbook.name}")
    headings = re.findall(r"^#+ (.*)$", runbook.read_text(), re.MULTILINE)
    assert headings == [alert["alert"], "What it means", "How to see it", "What to do"]


def test_every_runbook_has_its_alert() -> None:
    assert {file.stem for file in RUNBOOKS.iterdir()} == {kebab(alert["alert"]) for alert in alerts()}


def test_the_commands_of_runbooks_are_commands_of_krai() -> None:
    known = typer.main.get_command(app)
    assert isinstance(known, TyperGroup)
    for file in RUNBOOKS.iterdir():
        for noun, verb in re.findall(r"(?:^|`)krai ([a-z]+)(?: ([a-z]+)\b)?", file.read_text(), re.MULTILINE):
            command = known.commands[noun]
            if isinstance(command, TyperGroup):
                assert verb in command.commands, f"{file.name}: krai {noun} {verb}"


def of_terraform() -> str:
    """Its monitoring, with PromQL as it is after HCL has read it."""
    return (ROOT / "terraform" / "monitoring.tf").read_text().replace('\\"', '"')


def test_who_asks_whether_it_is_ready_is_no_request_that_fails() -> None:
    """Else a store that does not answer would wake somebody while nobody wanted anything."""
    asked = [alert["expr"] for alert in alerts() if "krai_http_request" in alert["expr"]] + [of_terraform()]
    assert len(asked) > 1
    for text in asked:
        assert set(re.findall(r"krai_http_request\w+_count(?!\{[^}]*route!=\"/readyz\")", text)) == set()


def test_every_word_an_alert_looks_for_is_one_that_is_counted() -> None:
    words = {
        "code": set(PROBLEMS),
        "reason": {*metrics.RESTARTS, *metrics.DEAD},
        "status": {"5.."},
        "route": {"/readyz"},
    }
    for alert in alerts():
        for label, _, value in LABEL.findall(alert["expr"]):
            assert set(value.split("|")) <= words[label]


def test_the_dashboard_is_up_to_date_and_asks_for_what_there_is() -> None:
    assert grafana.FILE.read_text() == grafana.text(), "run `make settings`"
    asked = expressions(json.loads(grafana.FILE.read_text()))
    assert asked
    assert [name for expression in asked for name in astray(expression)] == []


def test_the_dashboard_shows_every_metric() -> None:
    shown = set(NAME.findall("".join(expressions(grafana.document()))))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in series()}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} == families


def test_the_table_of_metrics_is_up_to_date() -> None:
    assert METRICS_PAGE.read_text() == with_metrics(METRICS_PAGE.read_text()), "run `make settings`"


def test_the_table_has_what_is_exposed_and_nothing_else() -> None:
    with metrics.queue_of(lambda: (1, 2, 3.0)):
        exposed = re.findall(r"^# TYPE (\S+) (\S+)$", generate_latest(metrics.REGISTRY).decode(), re.MULTILINE)
    documented: list[tuple[str, str]] = re.findall(r"^\| `(krai_\S+)` \| (\w+) \|", metrics_table(), re.MULTILINE)
    assert sorted(exposed) == sorted(documented)


def test_metrics_know_the_words_of_jobs() -> None:
    assert set(metrics.TYPES) == set(Kind)
    assert set(metrics.ENDS) == FINISHED
    assert set(metrics.OWN_TROUBLE) <= PROBLEMS.keys()


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("sum by (namespace) (krai_queue_depth)", []),
        ("krai_queue_depht > 0", ["krai_queue_depht"]),
        ('rate(krai_claims_total{result="claimed"}[5m])', ["result"]),
        ("sum by (dataset) (krai_queue_depth)", ["dataset"]),
        ("rate(krai_job_wait_seconds[5m])", ["krai_job_wait_seconds"]),
    ],
)
def test_a_name_that_there_is_not_is_found(expression: str, found: list[str]) -> None:
    assert astray(expression) == found


# -- and what they say, where Prometheus' own tool is at hand ----------------------------------------------------------------

PROMTOOL = shutil.which("promtool")
CASES: dict[str, tuple[dict[str, str], str]] = {
    "ApiErrors": (
        {
            'krai_http_request_duration_seconds_count{namespace="a",route="/x",status="500"}': "0+10x120",
            'krai_http_request_duration_seconds_count{namespace="a",route="/x",status="200"}': "0+90x120",
        },
        "critical",
    ),
    "ApiDown": ({'krai_build_info{namespace="a",version="1"}': "1x120"}, "critical"),
    "NoWorkers": (
        {
            'krai_queue_depth{namespace="a"}': "3x120",
            'krai_worker_slots{namespace="a"}': "0x120",
            'krai_build_info{namespace="a"}': "1x120",
        },
        "critical",
    ),
    "QueueAge": ({'krai_queue_oldest_age_seconds{namespace="a"}': "700x120"}, "warning"),
    "JobsFailing": (
        {
            'krai_job_failures_total{namespace="a",code="attempts_spent"}': "0+1x120",
            'krai_jobs_ended_total{namespace="a",status="FAILED"}': "0+2x120",
        },
        "warning",
    ),
    "DeadLetters": ({'krai_dead_letters_total{namespace="a",reason="failed"}': "0x100 1x20"}, "warning"),
    "LeaseLosses": ({'krai_lease_losses_total{namespace="a"}': "0+1x120"}, "warning"),
    "ParserCrashes": ({'krai_child_restarts_total{namespace="a",reason="crash"}': "0+1x120"}, "warning"),
    "DiskFull": (
        {'krai_disk_free_bytes{namespace="a",pod="p"}': "5x120", 'krai_disk_size_bytes{namespace="a",pod="p"}': "100x120"},
        "critical",
    ),
}


def told_by_promtool(folder: Path, cases: Iterable[tuple[str, dict[str, str], list[dict[str, Any]]]]) -> subprocess.CompletedProcess[str]:
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in given.items()],
            "alert_rule_test": [{"eval_time": "115m", "alertname": alert, "exp_alerts": expected}],
        }
        for alert, given, expected in cases
    ]
    folder.joinpath("rules.yaml").write_text(
        re.sub(r"(?m)^ +(summary|runbook_url): .*\n", "", RULES.read_text()).replace("annotations:", "")
    )
    folder.joinpath("tests.yaml").write_text(json.dumps({"rule_files": ["rules.yaml"], "tests": tests}))
    return subprocess.run([str(PROMTOOL), "test", "rules", "tests.yaml"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of the package prometheus, is not there")
def test_alerts_fire_when_they_must_and_only_then(tmp_path: Path) -> None:
    assert CASES.keys() == {alert["alert"] for alert in alerts()}
    where = {"DiskFull": {"namespace": "a", "pod": "p"}}
    fire = [
        (alert, given, [{"exp_labels": {"severity": severity, "service": "krai", **where.get(alert, {"namespace": "a"})}}])
        for alert, (given, severity) in CASES.items()
    ]
    calm = {
        'krai_build_info{namespace="a"}': "1x120",
        'krai_queue_depth{namespace="a"}': "3x120",
        'krai_worker_slots{namespace="a"}': "2x120",
        'krai_queue_oldest_age_seconds{namespace="a"}': "30x120",
        'krai_http_request_duration_seconds_count{namespace="a",route="/x",status="200"}': "0+90x120",
        'krai_dead_letters_total{namespace="a",reason="finished"}': "0+1x120",
        'krai_disk_free_bytes{namespace="a",pod="p"}': "50x120",
        'krai_disk_size_bytes{namespace="a",pod="p"}': "100x120",
        'krai_jobs_ended_total{namespace="a",status="FAILED"}': "0+2x120",
    }
    said = told_by_promtool(tmp_path, [*fire, *((alert, calm, []) for alert in CASES)])
    assert said.returncode == 0, said.stdout + said.stderr
