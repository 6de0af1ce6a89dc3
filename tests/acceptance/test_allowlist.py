"""Who may sign in, from a terminal: `scripts/manage-users.sh` and the API see the same list."""

import os
import subprocess

import httpx
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import NOT_INHERITED, ROOT


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    deployment = new_krai({"KRAI_SAMPLES": "off"})
    deployment.start()
    return deployment


def manage(krai: Deployment, *words: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)}
    leads_there = {"KRAI_DATA_DIR": str(krai.home), "GCP_PROJECT": krai.env.get("GOOGLE_CLOUD_PROJECT", "")}
    env = inherited | krai.env | leads_there
    return subprocess.run(["scripts/manage-users.sh", *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@EMBEDDED_IN_THE_GATE
def test_the_script_and_the_api_keep_one_list(krai: Deployment) -> None:
    added = manage(krai, "add", "Ada@Example.org", "--role", "admin", "--group", "sales")
    assert (added.returncode, added.stdout) == (0, "ada@example.org\tadmin\tsales\thas not signed in\n"), added.stderr
    bob = {"email": "bob@example.org"}
    assert krai.krai.http.put("/api/v1/users", json=bob).status_code == httpx.codes.OK
    listed = manage(krai, "list").stdout.splitlines()
    assert [line.split("\t")[:2] for line in listed] == [["ada@example.org", "admin"], ["bob@example.org", "user"]]
    assert manage(krai, "remove", "BOB@example.org").returncode == 0
    (ada,) = krai.krai.http.get("/api/v1/users").json()["users"]
    assert (ada["email"], ada["role"], ada["groups"]) == ("ada@example.org", "admin", ["sales"])
    assert ada["added_by"].startswith("operator:")


@EMBEDDED_IN_THE_GATE
@pytest.mark.parametrize("words", [("add", "ada"), ("remove", "a/b/c@x"), ("remove", "nobody@example.org")])
def test_the_script_refuses_what_it_cannot_do(krai: Deployment, words: tuple[str, ...]) -> None:
    refused = manage(krai, *words)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1


@EMBEDDED_IN_THE_GATE
def test_the_script_says_where_there_is_no_list(krai: Deployment) -> None:
    env = {**os.environ, "KRAI_DATA_DIR": str(krai.home / "nowhere"), "GCP_PROJECT": ""}
    refused = subprocess.run(
        ["scripts/manage-users.sh", "list"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1
    assert "set KRAI_DATA_DIR, or GCP_PROJECT" in refused.stderr
