"""Writes what is said in code once and elsewhere again: the settings table of the README, docs/problems.md, the metrics of
docs/observability.md, the sums of docs/scaling.md, the dashboard for Grafana, the types of krai's own, and the values of the charts.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from krai import metrics, settings
from krai.errors import PROBLEMS
from scripts import charts, frontend, grafana, scaling_model

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PROBLEMS_PAGE = ROOT / "docs" / "problems.md"
BEGIN = "<!-- settings: made by `make settings` -->"
END = "<!-- end of settings -->"
METRICS_PAGE = ROOT / "docs" / "observability.md"
METRICS_BEGIN = "<!-- metrics: made by `make settings` -->"
METRICS_END = "<!-- end of metrics -->"
BAR = "\\|"  # within a cell of a table

PREFACE = """\
# Problems

Every way krai says no, made by `make settings` from `krai/errors.py`. An answer carries the code as `code` and as the last part of `type`
(`/problems/<code>`), a failed job in `error`, a rejected row in its rejects file. The status is that of an answer; a job or a row
that failed is itself answered with 200.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("|" + "".join(f" {cell.replace('|', BAR)} |" if cell else " |" for cell in line) + "\n" for line in lines)


def settings_table() -> str:
    rows = ((f"`{name}`", f"`{default}`" if default else "", meaning) for name, default, meaning in settings.rows())
    return table(["name", "default", "meaning"], rows)


def problems_page() -> str:
    rows = ((f"`{problem.code}`", str(problem.status), problem.title, problem.remedy) for problem in PROBLEMS.values())
    return f"{PREFACE}\n{table(['code', 'status', 'what happened', 'what to do'], rows)}"


def metrics_table() -> str:
    """Every metric by its name in an answer to Prometheus, in the order of the code."""
    rows = []
    for metric in [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]:
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, ", ".join(metric._labelnames), family.documentation))  # noqa: SLF001 - told nowhere else
    queue = metrics.Queue(lambda: (0, 0, 0.0)).describe()
    rows += [(f"`{family.name}`", family.type, "", family.documentation) for family in queue]
    return table(["name", "type", "labels", "what it counts"], rows)


def with_table(page: str, begin: str, end: str, fresh: str) -> str:
    """The page with a fresh table between its two markers. Raises ValueError when a marker is missing."""
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"this page needs the markers {begin} and {end}")
    return f"{before}{begin}\n\n{fresh}\n{end}{after}"


def with_settings(readme: str) -> str:
    return with_table(readme, BEGIN, END, settings_table())


def with_metrics(page: str) -> str:
    return with_table(page, METRICS_BEGIN, METRICS_END, metrics_table())


def main() -> None:
    README.write_text(with_settings(README.read_text()))
    PROBLEMS_PAGE.write_text(problems_page())
    METRICS_PAGE.write_text(with_metrics(METRICS_PAGE.read_text()))
    grafana.main()
    charts.write()
    scaling_model.PAGE.write_text(scaling_model.with_tables(scaling_model.PAGE.read_text()))
    frontend.main("types")


if __name__ == "__main__":
    main()
