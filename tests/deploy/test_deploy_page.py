"""docs/deploy.md: its sums are right, and what its commands name is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import costs
from tests.guard.source import ROOT

PAGE = costs.PAGE.read_text()
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def test_the_tables_are_those_of_the_script() -> None:
    assert costs.filled(PAGE) == PAGE, "run python -m scripts.costs --write"


@pytest.mark.parametrize("column", range(len(costs.SIZES)))
def test_the_sums_are_right_as_they_stand_there(column: int) -> None:
    table = costs.tables().partition("unit")[2].splitlines()
    items = [cells(row) for row in table if "→" in row]
    assert len(items) == len(costs.ITEMS)
    paid = 0.0
    for item in items:
        units, cost = map(number, item[3 + column].split("→"))
        assert cost == pytest.approx(units * number(item[2]), rel=0.01, abs=0.006), item[0]
        paid += cost
    told = next(cells(row)[3 + column] for row in table if "**a month**" in row)
    assert number(told) == pytest.approx(paid, abs=1)


def test_a_price_says_where_it_is_from() -> None:
    assert all(re.fullmatch(r"cloud\.google\.com/[a-z/-]+pricing", item.source) for item in costs.ITEMS)


def test_more_jobs_cost_more() -> None:
    small, medium, large = map(costs.total, costs.SIZES)
    assert small < medium < large


def test_every_command_can_be_read_by_a_shell(tmp_path: Path) -> None:
    (tmp_path / "page.sh").write_text(f"#!/usr/bin/env bash\n{COMMANDS}")
    checked = subprocess.run([Path(sys.executable).with_name("shellcheck"), "--severity=error", tmp_path / "page.sh"], check=False)
    assert checked.returncode == 0


def test_what_the_page_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", PAGE) if "://" not in link]
    assert [link for link in links if not (costs.PAGE.parent / link).exists()] == []


def test_terraform_has_the_outputs_that_the_page_asks_for() -> None:
    asked = set(re.findall(r"\$\(out ([a-z_]+)\)|terraform(?: -chdir=terraform)? output (?:-raw )?([a-z_]+)", PAGE))
    there = set(re.findall(r'^output "([a-z_]+)"', (ROOT / "terraform" / "outputs.tf").read_text(), re.MULTILINE))
    named = {name for pair in asked for name in pair if name}
    assert len(named) > 5
    assert named <= there


def test_the_command_krai_has_what_the_page_types() -> None:
    typed = [shlex.split(line, comments=True)[1:] for line in COMMANDS.splitlines() if line.startswith("krai ")]
    assert len(typed) > 4
    for words in typed:
        command = [word for word in words[:2] if word.isalpha() and word != "orders"]
        asked = subprocess.run([sys.executable, "-m", "krai", *command, "--help"], cwd=ROOT, check=False, capture_output=True)
        assert asked.returncode == 0, words
