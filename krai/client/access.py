"""Datasets, and who may do what: API keys and the allowlist."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from krai.client.models import Dataset, Datasets, Job, Key, Keys, Me, Snapshot, Snapshots, User, Users
from krai.client.sending import Session, ask
from krai.client.steps import Flow

DATASETS, TOKEN, USERS = "/api/v1/datasets", "/token", "/api/v1/users"


def datasets(session: Session) -> Flow[tuple[Dataset, ...]]:
    return Datasets.of((yield from ask(session, "GET", DATASETS))).datasets


def dataset(session: Session, name: str) -> Flow[Dataset]:
    return Dataset.of((yield from ask(session, "GET", f"{DATASETS}/{quote(name, safe='')}")))


def snapshots(session: Session, name: str) -> Flow[tuple[Snapshot, ...]]:
    """What jobs have made of a dataset, newest first."""
    return Snapshots.of((yield from ask(session, "GET", f"{DATASETS}/{quote(name, safe='')}/snapshots"))).snapshots


def drop_dataset(session: Session, name: str) -> Flow[Job]:
    """The job that removes a dataset; for admins."""
    return Job.of((yield from ask(session, "DELETE", f"{DATASETS}/{quote(name, safe='')}", repeatable=False)))


def me(session: Session) -> Flow[Me]:
    """Who calls, and what for."""
    return Me.of((yield from ask(session, "GET", "/api/v1/me")))


def keys(session: Session) -> Flow[tuple[Key, ...]]:
    """Your own keys, or the one you call with; an admin's list has all."""
    return Keys.of((yield from ask(session, "GET", TOKEN))).keys


def create_key(session: Session, name: str, *, scopes: Sequence[str] | None = None, expires_in_days: int | None = 90) -> Flow[Key]:
    """A new key. `scopes` are read, export, import and admin; `expires_in_days` None: it does not end by itself."""
    body: dict[str, Any] = {"name": name, "expires_in_days": expires_in_days}
    if scopes is not None:
        body["scopes"] = list(scopes)
    return Key.of((yield from ask(session, "POST", TOKEN, body=body, repeatable=False)))


def rotate_key(session: Session, key_id: str, *, keep_old_hours: int = 24) -> Flow[Key]:
    body = {"key_id": key_id, "keep_old_hours": keep_old_hours}
    return Key.of((yield from ask(session, "PUT", TOKEN, body=body, repeatable=False)))


def revoke_key(session: Session, key_id: str) -> Flow[None]:
    yield from ask(session, "DELETE", TOKEN, params={"key_id": key_id})


def users(session: Session) -> Flow[tuple[User, ...]]:
    """Who may sign in; for admins, as the next two."""
    return Users.of((yield from ask(session, "GET", USERS))).users


def put_user(session: Session, email: str, *, role: str = "user", groups: Sequence[str] = ()) -> Flow[User]:
    return User.of((yield from ask(session, "PUT", USERS, body={"email": email, "role": role, "groups": list(groups)})))


def remove_user(session: Session, email: str) -> Flow[None]:
    yield from ask(session, "DELETE", USERS, params={"email": email})
