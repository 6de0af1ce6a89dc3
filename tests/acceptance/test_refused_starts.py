"""Mode gcp does not start on settings that are unsafe or lead nowhere, and says in a line for each what to do."""

import json
import os
import secrets
import subprocess
import sys

import httpx
import pytest

from scripts.emulators import Emulators
from scripts.provision import DEAD, SUBSCRIPTION, TOPIC
from tests.acceptance.krai_process import NOT_INHERITED, ROOT

Env = dict[str, str]


@pytest.fixture
def env(emulators: Emulators) -> Env:
    """All that krai needs to start."""
    name = f"krai-{secrets.token_hex(4)}"
    return emulators.provision(name, name) | {"API_KEY": secrets.token_hex(16), "PORT": "0"}


def run(command: list[str], env: Env) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**inherited, **env}, capture_output=True, text=True, timeout=60, check=False
    )


def refusal(script: str, env: Env) -> list[str]:
    """What the process says as it ends, without the first line."""
    ended = run([script], env)
    said = ended.stderr.splitlines()
    assert (ended.returncode, said[0]) == (1, "krai does not start:"), ended.stderr
    return said[1:]


@pytest.mark.parametrize("key", ["", "demo-key-change-me"])
def test_without_a_key_of_its_own(env: Env, key: str) -> None:
    (line,) = refusal("main.py", env | {"API_KEY": key})
    assert "API_KEY" in line
    assert "secret" in line


def test_who_lets_nobody_in_need_not_know_the_key(env: Env) -> None:
    assert run(["worker.py", "--sweep-once"], env | {"API_KEY": ""}).returncode == 0


@pytest.mark.parametrize(("key", "said"), [("", "KRAI_MANIFEST_KEY is empty"), ("c2hvcnQ=", "KRAI_MANIFEST_KEY takes an Ed25519 key")])
def test_without_a_key_for_manifests_or_the_word_that_there_is_none(env: Env, key: str, said: str) -> None:
    (line,) = refusal("worker.py", env | {"KRAI_MANIFEST_KEY": key})
    assert line.startswith(said)
    assert "c2hvcnQ" not in line


@pytest.mark.parametrize("missing", ["GOOGLE_CLOUD_PROJECT", "GCS_BUCKET"])
def test_with_one_variable_of_two(env: Env, missing: str) -> None:
    (line,) = refusal("main.py", env | {missing: ""})
    assert "belong together" in line


@pytest.mark.parametrize("script", ["main.py", "worker.py"])
def test_without_its_bucket(env: Env, script: str) -> None:
    (line,) = refusal(script, env | {"GCS_BUCKET": "krai-elsewhere"})
    assert "GCS_BUCKET" in line
    assert "krai-elsewhere" in line


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        (f"subscriptions/{SUBSCRIPTION}", "PUBSUB_SUBSCRIPTION"),
        pytest.param(f"subscriptions/{DEAD}-sub", "KRAI_DEAD_LETTER_TOPIC", marks=pytest.mark.long),
        pytest.param(f"topics/{TOPIC}", "PUBSUB_TOPIC", marks=pytest.mark.long),
        (f"topics/{DEAD}", "KRAI_DEAD_LETTER_TOPIC"),
    ],
)
def test_without_a_topic_or_a_subscription(env: Env, name: str, setting: str) -> None:
    host, project = env["PUBSUB_EMULATOR_HOST"], env["GOOGLE_CLOUD_PROJECT"]
    assert httpx.delete(f"http://{host}/v1/projects/{project}/{name}").status_code == httpx.codes.OK
    (line,) = refusal("worker.py", env)
    assert line.startswith(setting)
    assert name in line


TWO_TENANTS = json.dumps([{"issuer": "https://issuer.example", "audience": name, "tenant": name} for name in ("acme", "globex")])


@pytest.mark.long
@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("KRAI_OIDC_ISSUERS", "[oops", "takes JSON"),
        ("KRAI_OIDC_ISSUERS", '[{"issuer": "http://issuer.example", "audience": "a", "tenant": "t"}]', "by https"),
        ("KRAI_OIDC_ISSUERS", TWO_TENANTS, "an issuer has one tenant"),
        ("GOOGLE_CLIENT_SECRET", "alone", "belongs to GOOGLE_CLIENT_ID"),
        ("KRAI_TRUSTED_PROXIES", "10.0.0.0/33", "addresses and networks"),
        ("KRAI_TRUSTED_PROXIES", "*", "addresses and networks"),
        ("CORS_ORIGINS", "*", "no *"),
        ("KRAI_RATE_LIMIT_READ", "many", "takes e.g. 100/15minutes, or off"),
        ("KRAI_QUOTA_QUEUED", "0", "greater than or equal to 1"),
        ("KRAI_RATE_LIMIT_STORAGE", "memcached://here", "redis"),
        ("KRAI_WAREHOUSE_URL", "postgresql://krai@db.example/krai", "sslmode"),
        ("KRAI_WAREHOUSE_URL", "mysql://krai@db.example/krai", "postgresql://"),
    ],
)
def test_on_settings_that_would_let_in_too_many(env: Env, setting: str, value: str, said: str) -> None:
    (line,) = refusal("main.py", env | {setting: value})
    assert setting in line
    assert said in line
