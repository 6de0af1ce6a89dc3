"""Rows 35 to 38, and 46: URLs that lead to nothing on the public internet, refused before anything is asked of the network."""

import json

import pytest

from tests.hostile.case import EXPORTS, IMPORTS, WEBHOOKS, Case
from tests.hostile.ground import CANARY, Ground

INVALID, BLOCKED = (422, "invalid_source_url"), (422, "source_blocked")
SCHEMES = {
    **{scheme: f"{scheme}://files.example.org/{CANARY}" for scheme in ("http", "ftp", "gopher", "file", "ws", "ldap", "dict", "")},
    "file-here": "file:///etc/passwd",
    "data": f"data:text/csv,id%0a{CANARY}",
    "jar": f"jar:https://files.example.org/{CANARY}!/x",
    "javascript": f"javascript:alert('{CANARY}')",
    "no-scheme": f"//files.example.org/{CANARY}",
    "no-host": f"https:///{CANARY}",
    "path": f"/{CANARY}",
    "3-kB": f"https://files.example.org/{CANARY}".ljust(3072, "x"),
    "empty": "",
}
ADDRESSES = (
    *("169.254.169.254", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "0xa9.254.43518", "127.1", "0", "127.0.0.1", "10.0.0.1"),
    *(
        "[::1]",
        "[::ffff:a9fe:a9fe]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd20:ce::254]",
        "[fe80::1]",
        "[2002:a9fe:a9fe::]",
    ),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "\uff11\uff12\uff17.0.0.1", "8.8.8.8", "[2606:4700::1111]"),
)
NAMES = (
    *(
        "metadata.google.internal",
        "metadata.google.internal.",
        "METADATA.google.INTERNAL",
        "metadata",
        "localhost",
        "localhost.",
        "a.localhost",
    ),
    *(
        "krai.default.svc.cluster.local",
        "krai.default.svc",
        "kubernetes",
        "127.0.0.1.nip.io",
        "a9fea9fe.nip.io",
        "10-0-0-1.sslip.io",
        "printer.local",
    ),
)
CONFUSING = {
    "user": f"https://{CANARY}@169.254.169.254/",
    "backslash": f"https://{CANARY}\\@169.254.169.254/",
    "user-and-password": f"https://user:{CANARY}@files.example.org/",
    "empty-user": f"https://@files.example.org/{CANARY}",
    "tab": f"https://files\t.example.org/{CANARY}",
    "CR-LF": f"https://files.example.org\r\nX-A: {CANARY}/",
    "CR-LF-in-the-path": f"https://files.example.org/a\r\nX-A: {CANARY}",
    "NUL": "https://files%00.example.org/",
    "NUL-as-it-is": "https://files\0.example.org/",
    "blank": f" https://files.example.org/{CANARY}",
    "hash-before-the-host": f"https://#{CANARY}@files.example.org/",
    "percent-of-a-letter": "https://fil%65s.example.org/",
    "zone": "https://[fe80::1%25eth0]/",
    "soft-hyphen": "https://files\u00ad.example.org/",
    "half-a-pair-of-brackets": "https://[::1/",
    **{f"port-{port}": f"https://files.example.org:{port}/{CANARY}" for port in ("22", "25", "80", "0", "6379a", "65536", "-1")},
}


@pytest.fixture(scope="module")
def mode() -> str:
    """Nothing of a URL is asked of a store."""
    return "embedded"


def url(row: int, name: str, value: str, answers: tuple[int, str]) -> Case:
    return Case(row=row, name=name, target=IMPORTS, body=json.dumps({"source": {"url": value}}).encode(), answers=answers)


def callback(name: str, value: str) -> Case:
    body = json.dumps({"dataset": "users", "callback_url": value}).encode()
    return Case(row=46, name=name, target=EXPORTS, body=body, answers=(422, "webhook_blocked"))


def webhook(name: str, value: str) -> Case:
    body = json.dumps({"url": value}).encode()
    return Case(row=46, name=f"registered-{name}", target=WEBHOOKS, body=body, answers=(422, "webhook_blocked"))


CASES = [
    *(url(35, name, value, INVALID) for name, value in SCHEMES.items()),
    *(url(36, host, f"https://{host}/{CANARY}", BLOCKED) for host in ADDRESSES),
    *(url(36, f"{host}:8443", f"https://{host}:8443/{CANARY}", BLOCKED) for host in ADDRESSES),
    *(url(37, host, f"https://{host}/{CANARY}", BLOCKED) for host in NAMES),
    *(url(38, name, value, INVALID) for name, value in CONFUSING.items()),
    *(callback(name, value) for name, value in (SCHEMES | CONFUSING).items()),
    *(webhook(name, value) for name, value in (SCHEMES | CONFUSING).items()),
    *(webhook(host, f"https://{host}/{CANARY}") for host in (*ADDRESSES, *NAMES)),
    *(callback(host, f"https://{host}/{CANARY}") for host in (*ADDRESSES, *NAMES)),
    url(38, "address-and-no-text", '["https://169.254.169.254/"]', INVALID),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile(ground: Ground, case: Case) -> None:
    """No job is made, so nothing is resolved and nothing is connected to."""
    case.ask(ground)
    assert ground.admin.http.get("/api/v1/jobs", params={"type": "import", "dataset": "contacts"}).json()["jobs"] == []
