"""Which krai, and with which key: a flag before the environment before the file that `krai login` writes."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from krai.cli.ending import USAGE, failed, no_credential
from krai.cli.output import OUTPUT
from krai.client import Client

BRIEF_S = 10.0  # so long it is tried again whether anybody answers at all
NOBODY = "Nobody has said yet where krai is"


@dataclass(frozen=True, slots=True)
class Config:
    """`url_from` says where the address comes from."""

    url: str
    api_key: str | None
    url_from: str


def path() -> Path:
    return platformdirs.user_config_path("krai") / "config.json"


def state_folder() -> Path:
    return platformdirs.user_state_path("krai")


def read(url: str | None, api_key: str | None) -> Config:
    """The key of the file goes to the address of the file and to no other. Raises Ended without an address."""
    kept = _read()
    known = kept.get("url")
    chosen = url or known
    if not chosen:
        raise failed(USAGE, "no_address", NOBODY, "Run krai login, set KRAI_URL, or say --url https://…")
    own = known is not None and chosen.rstrip("/") == known.rstrip("/")
    return Config(chosen, api_key or (kept.get("api_key") if own else None), str(path()) if own and not url else "--url or KRAI_URL")


def known_url() -> str | None:
    """The address that `krai login` was told last."""
    return _read().get("url")


def _read() -> dict[str, str]:
    try:
        found = json.loads(path().read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise failed(USAGE, "bad_config", "The configuration cannot be read", f"Remove {path()}, then run krai login.")
    return {str(name): str(value) for name, value in found.items() if value}


def write(url: str, api_key: str | None) -> None:
    """For this user's eyes alone."""
    place = path()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = place.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"url": url, "api_key": api_key}, file)
    beside.replace(place)


def forget_key() -> str | None:
    """The address whose key is gone now; None when there was none."""
    kept = _read()
    if not kept.get("api_key"):
        return None
    write(kept["url"], None)
    return kept["url"]


def connect(url: str | None, api_key: str | None, *, transfers: bool = False) -> Client:
    """Raises Ended without an address or a key. A client that `transfers` outlives a krai that is away for minutes."""
    config = read(url, api_key)
    if not config.api_key:
        raise no_credential()
    brief = Client(config.url, config.api_key, patience_s=BRIEF_S, say=OUTPUT.say)
    if not transfers:
        return brief
    with brief:
        brief.card()  # an address where nobody is should not be tried for minutes
    return Client(config.url, config.api_key, state=state_folder(), say=OUTPUT.say)
