"""`krai doctor`: whether everything between here and krai's storage is as it should be, and what to do where it is not."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import krai
from krai.cli import config
from krai.cli.ending import ERROR, Ended, document
from krai.cli.options import ApiKey, AsJson, Url
from krai.cli.output import OUTPUT, text
from krai.client import Client, ClientError

FAR_OFF_S = 60.0
WAITED_LONG_S = 600.0
WHERE = {
    "jobs": "Firestore (KRAI_FIRESTORE_DATABASE)",
    "directory": "Firestore (KRAI_FIRESTORE_DATABASE)",
    "queue": "Pub/Sub (PUBSUB_TOPIC, PUBSUB_SUBSCRIPTION)",
    "blobs": "Cloud Storage (GCS_BUCKET)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`do` is what to do about it, where it is not ok."""

    what: str
    ok: bool
    found: str
    do: str = ""


def doctor(
    *,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Look whether krai can be reached and worked with, and say what to do where it cannot.

    Ends with 1 when something is wrong.
    """
    chosen = config.read(url, api_key)
    findings = []
    with Client(chosen.url, chosen.api_key, patience_s=0, say=OUTPUT.say) as client:
        for finding in _look(client, chosen):
            findings.append(finding)
            OUTPUT.line(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.what:<10}  {finding.found}")
            if finding.do:
                OUTPUT.line(f"{'':<19}{finding.do}")
    OUTPUT.document({"ok": all(finding.ok for finding in findings), "checks": [asdict(finding) for finding in findings]})
    if not all(finding.ok for finding in findings):
        raise Ended(ERROR)


def _look(client: Client, chosen: config.Config) -> Iterator[Finding]:
    """One after the other; where krai does not answer, or not to this credential, the rest would say nothing."""
    yield Finding("address", ok=True, found=f"{chosen.url}, from {chosen.url_from}")
    yield (there := _krai(client))
    if not there.ok:
        return
    yield _clock(client)
    yield from _stores(client)
    if not chosen.api_key:
        yield Finding("credential", ok=False, found="There is no API key for this address.", do="Run krai login, or set KRAI_API_KEY.")
        return
    try:
        me = client.me()
    except ClientError as error:
        yield _wrong("credential", error, "krai login takes another key; an admin makes one.")
        return
    may = "everything, and sees everybody's jobs" if me.admin else text(me.scopes)
    yield Finding("credential", ok=True, found=f"{me.email or me.id} may {may}")
    if me.admin:
        yield from _work(client)
    if me.admin or "import" in me.scopes:
        yield _storage(client)


def _wrong(what: str, error: ClientError, do: str) -> Finding:
    said = document(error)
    return Finding(what, ok=False, found=f"{str(said['title']).rstrip('.')}. {said['detail']}".strip(), do=do)


def _krai(client: Client) -> Finding:
    try:
        card = client.card()
    except ClientError as error:
        return _wrong("krai", error, "Check the address, and whether krai runs there; krai login takes another.")
    other = "" if card.version == krai.__version__ else f"; this command is {krai.__version__}"
    return Finding("krai", ok=True, found=f"version {card.version}, mode {card.mode}{other}")


def _clock(client: Client) -> Finding:
    try:
        ahead_s = client.clock_ahead_s()
    except ClientError as error:
        return _wrong("clock", error, "Look at what stands between here and krai: its answer has no date.")
    if abs(ahead_s) < FAR_OFF_S:
        return Finding("clock", ok=True, found="the same here and there")
    way = "ahead of" if ahead_s > 0 else "behind"
    found = f"{abs(ahead_s):,.0f} s {way} krai's"
    return Finding("clock", ok=False, found=found, do="Set the clock that is wrong: links and sign-ins end by it.")


def _stores(client: Client) -> Iterator[Finding]:
    try:
        ready, mode = client.readiness(), client.card().mode
    except ClientError as error:
        yield _wrong("stores", error, "Try again; krai may be starting.")
        return
    down = [name for name, state in ready.checks.items() if state != "ok"]
    if down:
        if mode == "gcp":
            places = text(tuple(dict.fromkeys(WHERE.get(name, name) for name in down)))
            do = f"Is it there, and may krai's service account use it: {places}? The log's `not ready` lines have the reason."
        else:
            do = "Is KRAI_DATA_DIR there, its disk not full, and krai's user its owner? The log's `not ready` lines have the reason."
        yield Finding("stores", ok=False, found=f"{text(tuple(down))} do not answer krai", do=do)
    elif ready.status != "ok":
        yield Finding("stores", ok=False, found="krai is stopping", do="Another process takes over, or it starts again; try again then.")
    else:
        yield Finding("stores", ok=True, found=text(tuple(ready.checks)))


def _work(client: Client) -> Iterator[Finding]:
    """What only admins are told: the queue, who works, and whether they are of one version."""
    try:
        status = client.status()
    except ClientError as error:
        yield _wrong("queue", error, "Try again; an older krai has nothing to say on this.")
        return
    queue, here = status.queue, [worker for worker in status.workers if worker.here]
    found = f"waiting {queue.waiting:,}, running {queue.processing:,}"
    if queue.oldest_age_s < WAITED_LONG_S:
        yield Finding("queue", ok=True, found=found)
    else:
        do = "Look at the workers: all busy, or none that gets messages? docs/runbooks/queue-age.md goes through it."
        yield Finding("queue", ok=False, found=f"{found}; one has waited for {queue.oldest_age_s / 60:,.0f} minutes", do=do)
    gone = len(status.workers) - len(here)
    lost = f"; {gone:,} ended without a word today" if gone else ""
    if here:
        yield Finding("workers", ok=True, found=f"{len(here):,} at work{lost}")
    else:
        do = "Start one: python worker.py; in a cluster docs/runbooks/no-workers.md says why there may be none."
        yield Finding("workers", ok=False, found=f"none was seen in the last minutes{lost}", do=do)
    others = sorted({worker.version for worker in here} - {status.version})
    if others:
        do = "A release is under way, or has stuck: kubectl rollout status; go on with it or go back."
        yield Finding("versions", ok=False, found=f"the API is {status.version}, workers are {text(tuple(others))}", do=do)


def _storage(client: Client) -> Finding:
    try:
        client.try_storage()
    except ClientError as error:
        return _wrong("storage", error, "Files take this way: let this machine reach the host that uploads go to.")
    return Finding("storage", ok=True, found="takes uploads")
