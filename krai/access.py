"""Who asks, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from krai.errors import Terminal

EVERYBODY = "all"  # who is let in at all, as grants name them
DEPLOYMENT = "api-key"  # the principal behind the deployment's own API_KEY


class Scope(StrEnum):
    READ = "read"
    EXPORT = "export"
    IMPORT = "import"
    ADMIN = "admin"  # everything, and everybody's


class Role(StrEnum):
    """What an e-mail address on the allowlist stands for."""

    USER = "user"
    ADMIN = "admin"


OF_USERS = frozenset({Scope.READ, Scope.EXPORT, Scope.IMPORT})
ALL = frozenset(Scope)
BY_ROLE = {Role.USER: OF_USERS, Role.ADMIN: ALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller. `id` is `issuer|sub` of who has signed in, or `key:` and the id of an API key; what it creates belongs to it.

    `email` is that of the person, also behind a key that this person has made, and `tenant` that of the issuer that vouches for it.
    An issuer has one tenant, so two principals with one id are of one tenant too.
    """

    id: str
    scopes: frozenset[Scope] = OF_USERS
    email: str | None = None
    groups: frozenset[str] = frozenset()
    tenant: str | None = None

    @property
    def admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    @property
    def names(self) -> frozenset[str]:
        """What grants may call it by."""
        own = {EVERYBODY, self.id, *(f"group:{group}" for group in self.groups)}
        return frozenset(own | ({f"user:{self.email}"} if self.email else set()) | ({f"tenant:{self.tenant}"} if self.tenant else set()))

    @property
    def owner(self) -> str | None:
        """Whose jobs it may see; None: everybody's."""
        return None if self.admin else self.id

    def demand(self, *scopes: Scope) -> None:
        """Raises Terminal not_allowed without one of these scopes."""
        if not self.admin and not self.scopes.intersection(scopes):
            raise Terminal("not_allowed", f"This takes the scope {' or '.join(scopes)}.")
