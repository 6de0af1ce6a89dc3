"""What krai signs, as the public library of Standard Webhooks reads it."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from krai.ports import Stores
from krai.webhooks import signing, signing_secrets

BODY = '{"type":"job.completed","data":{"é":1}}'.encode()


def test_a_signature_is_as_the_specification_has_it() -> None:
    # Made with openssl: printf 'msg_1.1674087231.{}' | openssl dgst -sha256 -hmac abcdefghijklmnopqrstuvwx -binary | base64
    made = signing.headers("msg_1", b"{}", ["whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"], datetime.fromtimestamp(1674087231, UTC))
    assert made["webhook-signature"] == "v1,PBiq138jQA4cENh7mnujpObfQxeiy49CQshfGthchA8="
    assert (made["webhook-id"], made["webhook-timestamp"], made["content-type"]) == ("msg_1", "1674087231", "application/json")


def test_each_of_two_secrets_verifies_and_no_other() -> None:
    secrets = [signing.new_secret(), signing.new_secret()]
    made = signing.headers("msg_1", BODY, secrets, datetime.now(UTC))
    for secret in secrets:
        assert Webhook(secret).verify(BODY, made)["type"] == "job.completed"
    for other, body in ((signing.new_secret(), BODY), (secrets[0], BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(body, made)


async def test_a_caller_has_one_secret_until_it_is_replaced_and_then_two_for_a_day(stores: Stores) -> None:
    now = stores.jobs.now()
    (first,) = await signing_secrets.of(stores.directory, "ada", now)
    assert await signing_secrets.of(stores.directory, "ada", now) == [first]
    assert (await signing_secrets.of(stores.directory, "bob", now))[0].text != first.text
    second, old = await signing_secrets.replace(stores.directory, "ada", now)
    assert (old.text, old.until, second.until) == (first.text, now + timedelta(hours=24), None)
    assert await signing_secrets.of(stores.directory, "ada", now + timedelta(hours=23)) == [second, old]
    assert await signing_secrets.of(stores.directory, "ada", now + timedelta(hours=25)) == [second]


async def test_a_secret_replaced_twice_goes_on_to_sign_for_its_day(stores: Stores) -> None:
    now = stores.jobs.now()
    (first,) = await signing_secrets.of(stores.directory, "ada", now)
    await signing_secrets.replace(stores.directory, "ada", now)
    later = await signing_secrets.replace(stores.directory, "ada", now + timedelta(hours=1))
    assert [secret.until for secret in later] == [None, now + timedelta(hours=25), now + timedelta(hours=24)]
    assert later[2].text == first.text
