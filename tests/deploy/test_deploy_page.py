"""docs/deploy.md: its sums are right, and what its commands name is there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts import costs
from tests.deploy.charts import of_krai
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


def test_a_database_that_was_had_back_is_taken_over_with_all_its_indexes(tmp_path: Path) -> None:
    (commands,) = [block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "restored.tf" in block]
    indexes = json.loads((ROOT / "terraform" / "firestore.indexes.json").read_text())["indexes"]
    of = "projects/p/databases/krai-2/collectionGroups"
    listed = [
        {"name": f"{of}/{index['collectionGroup']}/indexes/{number}", "fields": [*index["fields"], {"fieldPath": "__name__"}]}
        for number, index in enumerate(indexes)
    ]
    (tmp_path / "listed.json").write_text(json.dumps(listed))
    (tmp_path / "terraform").mkdir()
    tools = """
    kubectl() { :; }
    git() { echo v1; }
    gcloud() { cat listed.json; }
    terraform() { case "$2" in state) echo "$@" >forgotten ;; apply) cp terraform/restored.tf taken; echo "$@" >applied ;; esac; }
    """
    subprocess.run(["bash", "-e", "-c", tools + commands], cwd=tmp_path, env=os.environ | {"PROJECT": "p"}, check=True)
    taken = dict(re.findall(r'^import \{\n  to = (\S+)\n  id = "(\S+)"\n\}$', (tmp_path / "taken").read_text(), re.MULTILINE))
    keys = ["/".join([index["collectionGroup"], *(one["fieldPath"] for one in index["fields"])]) for index in indexes]
    assert taken == {"google_firestore_database.this": "projects/p/databases/krai-2"} | {
        f'google_firestore_index.this["{key}"]': index["name"] for key, index in zip(keys, listed, strict=True)
    }
    assert "-var=revision=v1" in (tmp_path / "applied").read_text()
    # Whatever belongs to a database, or the old one would lose it.
    made = re.findall(r'^resource "(google_firestore_\w+)" "(\w+)"', (ROOT / "terraform" / "firestore.tf").read_text(), re.MULTILINE)
    assert (tmp_path / "forgotten").read_text().split()[3:] == [f"{kind}.{name}" for kind, name in made]
    assert list((tmp_path / "terraform").iterdir()) == []


def test_an_apply_says_what_is_followed() -> None:
    applied = re.findall(r"terraform -chdir=terraform apply(.*)", PAGE)
    assert len(applied) > 4
    assert [line for line in applied if "-var=revision=" not in line and "-var=delivery=none" not in line] == []


def test_the_command_krai_has_what_the_page_types() -> None:
    typed = [shlex.split(line, comments=True)[1:] for line in COMMANDS.splitlines() if line.startswith("krai ")]
    assert len(typed) > 4
    for words in typed:
        command = [word for word in words[:2] if word.isalpha() and word != "orders"]
        asked = subprocess.run([sys.executable, "-m", "krai", *command, "--help"], cwd=ROOT, check=False, capture_output=True)
        assert asked.returncode == 0, words


def test_the_proof_of_a_host_belongs_to_the_gateway_beside_it() -> None:
    """cert-manager makes its route where the certificate is, and the listener for http takes routes of its own namespace alone."""
    (parent,) = re.findall(r"gatewayHTTPRoute: \{parentRefs: \[(\{.*?\})\]", PAGE)
    assert yaml.safe_load(parent) == {"name": "krai", "kind": "Gateway", "sectionName": "http"}
    gateway = of_krai("Gateway", "krai")["spec"]
    (listener,) = [one for one in gateway["listeners"] if one["name"] == "http"]
    assert (listener["protocol"], listener["port"], listener["allowedRoutes"]) == ("HTTP", 80, {"namespaces": {"from": "Same"}})
    assert of_krai("Certificate", "krai-tls")["spec"]["dnsNames"] == [listener["hostname"]]


def test_whatever_is_stopped_for_a_restore_is_started_again() -> None:
    stopped, _, started = PAGE.partition("## Copies")[2].partition("## Away")[0].partition("firestore databases clone")
    assert '"suspend": true' in stopped
    assert '"suspend": false' in started
    assert "paused-replicas=0" in stopped
    assert "paused-replicas- " in started
    assert "--replicas=0" in stopped
    assert "--replicas=2" in started
    assert '"automated": null' in stopped
    assert '"automated": {"prune": true, "selfHeal": true}' in started


def test_the_deletion_is_approved_after_it_was_asked_for() -> None:
    """Argo CD takes no approval that is older than the deletion."""
    away = PAGE.partition("## Away")[2]
    assert away.index("kubectl delete application krai ") < away.index("argocd.argoproj.io/deletion-approved=") < away.index("--for=delete")


def test_somebody_hears_alerts() -> None:
    command = "kubectl create secret generic alertmanager --namespace gmp-public --from-file=alertmanager.yaml=/dev/stdin <<END\n"
    configuration = yaml.safe_load(PAGE.partition(command)[2].partition("\nEND\n")[0])
    assert configuration["route"]["receiver"] in {receiver["name"] for receiver in configuration["receivers"]}
