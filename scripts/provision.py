"""Makes on the emulators what Terraform makes in the cloud: topic, subscription, dead letters and bucket.

`python -m scripts.provision` does it on those the environment names; nothing happens to what is there already.
"""

import os
import sys
from typing import Any

import httpx

TOPIC, SUBSCRIPTION, DEAD = "krai-jobs", "krai-jobs-sub", "krai-jobs-dead"
ACK_DEADLINE_S = 30
DELIVERIES = 100  # attempts are counted in the job; this limit is for messages that lead nowhere


def pubsub(host: str, project: str) -> None:
    topics = f"projects/{project}/topics"
    for topic, subscription in ((DEAD, f"{DEAD}-sub"), (TOPIC, SUBSCRIPTION)):
        _put(host, f"{topics}/{topic}", {})
        settings: dict[str, Any] = {"topic": f"{topics}/{topic}", "ackDeadlineSeconds": ACK_DEADLINE_S}
        if topic != DEAD:
            settings["deadLetterPolicy"] = {"deadLetterTopic": f"{topics}/{DEAD}", "maxDeliveryAttempts": DELIVERIES}
        _put(host, f"projects/{project}/subscriptions/{subscription}", settings)


def bucket(url: str, project: str, name: str) -> None:
    _expect(httpx.post(f"{url}/storage/v1/b", params={"project": project}, json={"name": name}), httpx.codes.OK, httpx.codes.CONFLICT)


def _put(host: str, name: str, body: dict[str, Any]) -> None:
    _expect(httpx.put(f"http://{host}/v1/{name}", json=body), httpx.codes.OK, httpx.codes.CONFLICT)


def _expect(answer: httpx.Response, *statuses: int) -> None:
    if answer.status_code not in statuses:
        message = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:200]}"
        raise RuntimeError(message)


def main() -> int:
    wanted = ("GOOGLE_CLOUD_PROJECT", "GCS_BUCKET", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST")
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing:
        sys.stderr.write(f"Set {', '.join(missing)}: this makes topics and a bucket on emulators, never in the cloud.\n")
        return 2
    project, bucket_name, pubsub_host, storage_url = (os.environ[name] for name in wanted)
    pubsub(pubsub_host, project)
    bucket(storage_url, project, bucket_name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
