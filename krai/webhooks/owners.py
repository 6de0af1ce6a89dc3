"""Whether the owner of a webhook may still hear of the jobs that it asks about.

A webhook outlives the request that registered it: its owner may have been removed since, or be no admin any more.
"""

from datetime import datetime

from krai import keys
from krai.access import ALL, DEPLOYMENT, Principal
from krai.errors import Terminal
from krai.keys import Key
from krai.ports import Directory
from krai.users import Users
from krai.webhooks.registered import Reach, Webhook


async def may_hear(directory: Directory, users: Users, webhook: Webhook, now: datetime) -> bool:
    if webhook.owner == DEPLOYMENT:
        return True
    principal, maker = Principal(id=webhook.owner, scopes=ALL, email=webhook.email), webhook.owner
    if webhook.owner.startswith(keys.PRINCIPAL):
        key_id = webhook.owner.removeprefix(keys.PRINCIPAL)
        doc = await directory.get(keys.COLLECTION, key_id)
        key = None if doc is None else Key.from_doc(key_id, doc)
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            return False
        principal, maker = key.principal, key.owner
    if principal.email is not None:
        try:
            principal = await users.still(principal, maker=maker)
        except Terminal:
            return False
    return principal.admin or webhook.scope is Reach.OWN
