"""The allowlist from a terminal: what `scripts/manage-users.sh` runs."""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from google.cloud.firestore import AsyncClient
from google.oauth2.credentials import Credentials

from krai import observe
from krai.access import ALL, Principal, Role
from krai.backends.google.directory import FirestoreDirectory
from krai.backends.google.firestore import Firestore
from krai.backends.local.directory import LocalDirectory
from krai.errors import KraiError
from krai.ports import Directory
from krai.users import User, Users

TOKEN_COMMAND = ("gcloud", "auth", "print-access-token")


class Unusable(Exception):
    """There is no allowlist where the environment leads; the text says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/manage-users.sh", description="Who may sign in to krai.")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="let somebody in, or change what they may do")
    add.add_argument("email")
    add.add_argument("--role", choices=[role.value for role in Role], default=Role.USER.value)
    add.add_argument("--group", action="append", default=[], help="may be given several times")
    commands.add_parser("remove", help="let somebody in no more, from a minute from now").add_argument("email")
    commands.add_parser("list", help="a line for each: address, role, groups, and whether they have signed in")
    chosen = parser.parse_args()
    observe.configure("auto")
    try:
        asyncio.run(_run(chosen))
    except Unusable as error:
        sys.exit(str(error))
    except KraiError as error:
        sys.exit(f"{error.problem.title}. {error.detail}")


async def _run(chosen: argparse.Namespace) -> None:
    operator = Principal(id=f"operator:{getuser()}", scopes=ALL)
    async with _open_directory(os.environ) as directory:
        users = Users(directory)
        match chosen.command:
            case "add":
                print(_line(await users.put(chosen.email, Role(chosen.role), chosen.group, by=operator, now=datetime.now(UTC))))
            case "remove":
                await users.remove(chosen.email, by=operator)
            case _:
                for user in await users.all():
                    print(_line(user))


@asynccontextmanager
async def _open_directory(environ: Mapping[str, str]) -> AsyncIterator[Directory]:
    directory = await _firestore(environ) if environ.get("GCP_PROJECT") else _local(environ)
    try:
        yield directory
    finally:
        await directory.close()


async def _firestore(environ: Mapping[str, str]) -> Directory:
    credentials = None if environ.get("FIRESTORE_EMULATOR_HOST") else Credentials(_token())
    database = environ.get("KRAI_FIRESTORE_DATABASE") or "(default)"
    return FirestoreDirectory(Firestore(AsyncClient(project=environ["GCP_PROJECT"], database=database, credentials=credentials)))


def _local(environ: Mapping[str, str]) -> Directory:
    file = Path(environ.get("KRAI_DATA_DIR") or ".krai") / "directory.sqlite"
    if not file.exists():
        raise Unusable(f"{file.parent} is no data folder of krai: set KRAI_DATA_DIR, or GCP_PROJECT for the allowlist in Firestore.")
    return LocalDirectory(file)


def _token() -> str:
    try:
        told = subprocess.run(TOKEN_COMMAND, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unusable("gcloud gives no access token: install it, then run gcloud auth login.") from error
    return told.stdout.strip()


def _line(user: User) -> str:
    seen = "has signed in" if user.identity else "has not signed in"
    return f"{user.email}\t{user.role}\t{','.join(sorted(user.groups)) or '-'}\t{seen}"


if __name__ == "__main__":
    main()
