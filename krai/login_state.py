"""A sign-in under way, sealed for the cookie of the browser that has begun it: nothing is stored for visitors nobody knows.

The key is a random one in the directory, so that every API process can open what another has sealed. One made of `API_KEY` would
hand whoever asks for it something to try guesses of that key on.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken

from krai.identity.sign_in import Handshake
from krai.ports import Directory

COLLECTION, NAME = "secrets", "login"
LIVES_S = 600


@dataclass(frozen=True, slots=True)
class LoginState:
    """`then` is the local path that the browser goes to at the end."""

    handshake: Handshake
    then: str


async def seal(directory: Directory, state: LoginState, now: datetime) -> str:
    """The state as Fernet has it: encrypted, signed, and with the time."""
    sealed = (await _key(directory)).encrypt_at_time(json.dumps(asdict(state)).encode(), int(now.timestamp()))
    return sealed.decode()


async def unseal(directory: Directory, text: str, now: datetime) -> LoginState | None:
    """None when it was not sealed here, or longer than ten minutes ago."""
    try:
        plain = (await _key(directory)).decrypt_at_time(text.encode("utf-8", "surrogatepass"), LIVES_S, int(now.timestamp()))
    except InvalidToken:
        return None
    doc = json.loads(plain)
    return LoginState(Handshake(**doc["handshake"]), doc["then"])


async def _key(directory: Directory) -> Fernet:
    doc = await directory.get(COLLECTION, NAME)
    if doc is None:
        fresh = {"key": Fernet.generate_key().decode()}
        doc = await directory.change(COLLECTION, NAME, lambda there: there or fresh) or fresh
    return Fernet(doc["key"])
