"""Row 46: receivers that are hostile, or not there. Callbacks of a running krai; whatever comes of one, its job stays COMPLETED."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from itertools import cycle

import pytest
from standardwebhooks.webhooks import Webhook

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE
from tests.acceptance.krai_client import Json
from tests.acceptance.waiting import until
from tests.hostile.ground import Ground
from tests.hostile.internet import PUBLIC, Internet
from tests.https_source import Answer, say

pytestmark = [EMBEDDED_IN_THE_GATE, pytest.mark.usefixtures("ground")]
METADATA = "169.254.169.254"
SECRET = b"what-only-the-network-of-krai-can-see"
TOO_SLOW_WITHIN_S = 45  # 15 s for the first call, 6 until the second, and what a busy machine takes
AGAIN_WITHIN_S = 30
TEN_MB = 10 << 20


class Talker:
    """A receiver that goes on to talk until nobody listens; `said_bytes` of it went out."""

    def __init__(self) -> None:
        self.said_bytes = 0
        self.left_alone = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while self.said_bytes < 10 * TEN_MB:
                self.said_bytes += handler.wfile.write(SECRET * 1024)
        except OSError:
            self.left_alone.set()


class Receivers:
    """All are called at once, so that the waits do not add up: `hosts` and `jobs` by the name of a receiver."""

    def __init__(self, ground: Ground, internet: Internet) -> None:
        self.talker, self.over = Talker(), threading.Event()
        self._ground, self._internet = ground, internet
        answers: dict[str, tuple[Answer, list[list[str]]]] = {
            "takes-it": (partial(say, status=204), []),
            "silent": (self._wait, []),
            "redirects": (partial(say, status=302, body=SECRET, Location=f"https://{METADATA}/"), []),
            "talks": (self.talker, []),
            "gone": (partial(say, status=410, body=SECRET), []),
            "inside": (partial(say, status=204), [[METADATA]]),
            "half-inside": (partial(say, status=204), [[PUBLIC, "10.0.0.1"]]),
            "moves": (partial(say, status=503, body=SECRET), [[PUBLIC], [METADATA]]),
        }
        self.hosts = {name: internet.host(name, answer, *addresses) for name, (answer, addresses) in answers.items()}
        # By turns, for of one caller's receivers only some are called at once.
        callers = cycle((ground.admin, ground.ada, ground.bob))
        self.jobs = {
            name: caller.submit_export(dataset="users", limit=1, callback_url=internet.url(host))
            for caller, (name, host) in zip(callers, self.hosts.items(), strict=False)
        }

    def _wait(self, _: BaseHTTPRequestHandler) -> None:
        self.over.wait(2 * TOO_SLOW_WITHIN_S)

    def told(self, name: str, come: Callable[[Json], bool], *, within_s: float = AGAIN_WITHIN_S) -> Json:
        """What a job shows of its callback as soon as it has `come` so far. The job is what it was, and nobody else was called."""
        job_id = self.jobs[name]

        def seen() -> Json | None:
            found: Json = self._ground.call(self._ground.admin, "GET", f"/api/v1/jobs/{job_id}").json()
            return found if found["finished_at"] and come(found["callback"]) else None

        job = until(f"the callback to {name} has come so far", seen, within_s=within_s)
        assert job is not None
        assert (job["status"], job["error"]) == ("COMPLETED", None)
        assert self._ground.admin.result(job_id)["records"] == 1
        self._internet.holds()
        callback: Json = job["callback"]
        return callback


@pytest.fixture(scope="module")
def shared_ground(connected_ground: Ground) -> Ground:
    for secret in (SECRET.decode(), METADATA):
        connected_ground.keep_secret(secret)
    return connected_ground


@pytest.fixture(scope="module")
def receivers(shared_ground: Ground, internet: Internet) -> Iterator[Receivers]:
    receivers = Receivers(shared_ground, internet)
    yield receivers
    receivers.over.set()


def test_46_a_receiver_that_takes_it(ground: Ground, receivers: Receivers, internet: Internet) -> None:
    """Once, and signed: a library of the standard reads it."""
    callback = receivers.told("takes-it", lambda callback: callback["state"] == "delivered")
    assert (callback["attempts"], callback["last_status"], callback["last_error"]) == (1, 204, None)
    host = receivers.hosts["takes-it"]
    (post,) = [(headers, sent) for headers, sent in internet.server.posts if headers["host"].startswith(host)]
    secret = ground.admin.http.get("/api/v1/webhooks/secret").json()["secret"]
    assert Webhook(secret).verify(post[1], post[0])["data"]["job_id"] == receivers.jobs["takes-it"]
    assert not {"authorization", "cookie", "x-api-key", "referer"} & post[0].keys()
    assert (internet.looks(host), internet.asked[host]) == (1, 1)


def test_46_a_redirect_is_not_followed_and_tried_again(receivers: Receivers, internet: Internet) -> None:
    callback = receivers.told("redirects", lambda callback: callback["attempts"] == 2 and callback["next_at"] is not None)
    assert (callback["state"], callback["last_status"], callback["last_error"]) == ("pending", 302, "webhook_redirect")
    host = receivers.hosts["redirects"]
    # The second call counts from its beginning.
    until("each look has led to one call", lambda: internet.looks(host) == internet.asked[host], within_s=AGAIN_WITHIN_S)
    assert internet.asked[host] <= 2


def test_46_of_ten_megabytes_a_kibibyte_is_read(receivers: Receivers) -> None:
    callback = receivers.told("talks", lambda callback: callback["state"] == "delivered")
    assert (callback["attempts"], callback["last_status"]) == (1, 200)
    assert receivers.talker.left_alone.wait(AGAIN_WITHIN_S)
    assert receivers.talker.said_bytes < TEN_MB, "what does not fit between two sockets was never said"


def test_46_a_receiver_that_has_gone_is_not_asked_again(receivers: Receivers, internet: Internet) -> None:
    callback = receivers.told("gone", lambda callback: callback["state"] != "pending")
    assert (callback["state"], callback["attempts"], callback["last_status"]) == ("disabled", 1, 410)
    assert callback["next_at"] is None
    assert internet.asked[receivers.hosts["gone"]] == 1


@pytest.mark.parametrize("name", ["inside", "half-inside"])
def test_46_a_name_that_leads_inside_is_not_called(receivers: Receivers, internet: Internet, name: str) -> None:
    callback = receivers.told(name, lambda callback: callback["last_error"] is not None)
    assert (callback["last_status"], callback["last_error"]) == (None, "webhook_blocked")
    assert internet.asked[receivers.hosts[name]] == 0


def test_46_a_name_that_moves_inside_before_the_second_call(receivers: Receivers, internet: Internet) -> None:
    callback = receivers.told("moves", lambda callback: callback["last_error"] == "webhook_blocked")
    assert (callback["state"], callback["last_status"]) == ("pending", None)
    assert (internet.looks(receivers.hosts["moves"]), internet.asked[receivers.hosts["moves"]]) == (callback["attempts"], 1)


# Last, for it takes longest.
def test_46_a_receiver_that_never_answers_is_left_and_tried_again(receivers: Receivers, internet: Internet) -> None:
    callback = receivers.told("silent", lambda callback: callback["attempts"] == 2, within_s=TOO_SLOW_WITHIN_S)
    assert (callback["state"], callback["last_status"], callback["last_error"]) == ("pending", None, "webhook_timeout")
    until("it is called again", lambda: internet.asked[receivers.hosts["silent"]] == 2, within_s=AGAIN_WITHIN_S)
