"""`/ui`: files of a build, its pages, and what it is told of the deployment."""

import gzip
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from krai.api.shields import shields
from krai.identity.issuers import Issuer
from krai.identity.tokens import Tokens
from scripts.frontend import FRONTEND
from tests.unit.api.house import House, open_house, problem

INDEX, SCRIPT = "<!doctype html><title>krai</title>", "console.log('krai')"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "main-x1.js").write_text(SCRIPT)
    (folder / "assets" / "main-x1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "leak.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def house(tmp_path: Path, build: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, dashboard=build, CUSTOMER_NAME="Müller & </script>\u2028") as house:
        yield house


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/jobs/3f2a", "/ui/exports/new", "/ui/%00", "/ui/" + "a" * 300])
async def test_every_page_is_the_index_and_asked_for_each_time(house: House, path: str) -> None:
    answer = await house.client(None).get(path)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_a_file_with_a_hash_in_its_name_is_kept_for_ever(house: House, accepted: str, coding: str | None) -> None:
    answer = await house.client(None).get("/ui/assets/main-x1.js", headers={"accept-encoding": accepted})
    assert (answer.status_code, answer.text) == (200, SCRIPT)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers.get("content-encoding") == coding


async def test_a_file_of_another_build_is_not_a_page(house: House) -> None:
    assert problem(await house.client(None).get("/ui/assets/main-x0.js"), 404) == "not_found"


@pytest.mark.parametrize(
    "path", ["/ui/../secret.txt", "/ui/%2e%2e/secret.txt", "/ui//etc/passwd", "/ui/leak.txt", "/ui/assets/..%2f..%2fsecret.txt"]
)
async def test_no_address_leads_out_of_the_folder(house: House, path: str) -> None:
    answer = await house.client(None).get(path)
    assert "secret" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize("path", ["/ui", "/ui/jobs", "/ui/assets/main-x1.js"])
async def test_no_script_but_the_builds_own_runs(house: House, path: str) -> None:
    policy = (await house.client(None).get(path)).headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_configuration_is_a_script_that_no_text_can_leave(house: House) -> None:
    answer = await house.client(None).get("/ui/config.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text.isascii()
    config = json.loads(answer.text.removeprefix("window.KRAI = "))
    assert config == {"apiUrl": "", "customer": "Müller & </script>\u2028", "signIn": []}


async def test_the_configuration_names_where_people_sign_in(tmp_path: Path, build: Path) -> None:
    issuer = Issuer(issuer="https://acme.example", audience="krai", tenant="acme", client_secret="s3cr3t")  # noqa: S106
    async with open_house(tmp_path, dashboard=build, tokens=Tokens([issuer])) as house:
        text = (await house.client(None).get("/ui/config.js")).text
    ways = json.loads(text.removeprefix("window.KRAI = "))["signIn"]
    assert ways == [{"name": "acme (acme.example)", "url": "/login?issuer=https%3A%2F%2Facme.example"}]
    assert "s3cr3t" not in text


async def test_in_the_cloud_a_page_may_send_uploads_to_storage(tmp_path: Path, build: Path) -> None:
    cloud: dict[str, Any] = {"GOOGLE_CLOUD_PROJECT": "p", "GCS_BUCKET": "b", "KRAI_MANIFEST_KEY": "off"}
    async with open_house(tmp_path, dashboard=build, **cloud) as house:
        policy = (await house.client(None).get("/ui")).headers["content-security-policy"]
    assert "connect-src 'self' https://storage.googleapis.com;" in policy


async def test_the_card_leads_there(house: House, tmp_path: Path) -> None:
    assert (await house.http.get("/")).json()["links"]["dashboard"] == "http://krai.test/ui"
    async with open_house(tmp_path / "other") as without:
        assert "dashboard" not in (await without.http.get("/")).json()["links"]
        answer = await without.http.get("/ui")
        assert problem(answer, 404) == "not_found"
        assert "make dashboard" in answer.json()["detail"]


def test_the_image_sends_what_the_api_sends() -> None:
    text = (FRONTEND / "nginx" / "default.conf.template").read_text()
    sent = dict(re.findall(r'add_header (\S+) "([^"]*)" always;', text))
    expected = {
        name.decode(): value.decode() for name, value in shields("/ui", https=False, uploads_to="${KRAI_API_URL} ${KRAI_UPLOADS_TO}")
    }
    assert sent == expected


def test_the_image_tells_the_page_what_the_environment_says(tmp_path: Path) -> None:
    script, written = FRONTEND / "nginx" / "40-config.sh", tmp_path / "config.js"
    customer = 'Müller "& \\ </script>$(id)`id`'
    environment = {"KRAI_API_URL": "", "CUSTOMER_NAME": customer, "KRAI_SIGN_IN": '[{"name": "Google", "url": "/login"}]'}
    subprocess.run(["sh", script, written], env=os.environ | environment, check=True)
    config = json.loads(written.read_text().removeprefix("window.KRAI = "))
    assert config == {"apiUrl": "", "customer": customer, "signIn": [{"name": "Google", "url": "/login"}]}
