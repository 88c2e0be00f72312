"""One user takes more than a fair share of the common things: seats, alarms, alerts, the breaker."""

import itertools
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.local.qstash.signing import body_digest, sign
from tests.attack.attacks.attack import Attack, Flood
from tests.attack.stack import REFUSED_TEXT
from tests.attack.target import Connection, Request, Target, Window, flood, in_threads

WRITERS = 8
THOUSAND = 1_000
REPLAY_SOCKETS = 250  # at a time: each may be kept waiting for the post's instant
#: Before the window's end. Other posts are due while the messages arrive, which is a lead earlier, and at the instant.
LAST_SECONDS = 1.5
FAILING, ACCOUNTS = 20, 100


class OwnPosts(Attack):
    """Posts of the attacker, through an account of the attacker."""

    posts = 1
    content = "One of many posts"

    def __init__(self) -> None:
        self._keys: list[str] = []

    def prepare(self, target: Target) -> None:
        target.connect_account()
        draft = json.dumps({"content": self.content}).encode()
        headers, keys, numbers = target.user_headers(), self._keys, itertools.count()

        def write() -> None:
            connection = Connection(target)
            while next(numbers) < self.posts:
                status, text = connection.call(Request("POST", "/api/posts", draft, headers))
                if status == 201:
                    keys.append(json.loads(text)["id"])
            connection.close()

        in_threads(write, WRITERS)

    def aim(self, target: Target, window: Window) -> None:
        body = json.dumps({"scheduledAt": _wire(self.instant(window))}).encode()
        headers = target.user_headers()
        calls = [Request("POST", f"/api/posts/{key}/schedule", body, headers) for key in self._keys]
        flood(target, calls, window.start, WRITERS, len(calls))

    def instant(self, window: Window) -> float:
        return window.end - LAST_SECONDS

    def run(self, target: Target, window: Window) -> None:
        """Wait: the attack is aimed."""
        time.sleep(max(0.0, window.end - time.time()))


class OneInstant(OwnPosts):
    name = "a thousand posts at one instant"
    posts = THOUSAND


class Replays(OwnPosts):
    name = "one signed message a thousand times"

    def instant(self, window: Window) -> float:
        return window.end - 2.0

    def run(self, target: Target, window: Window) -> None:
        """Replay the post's message while it waits for its instant, and after that."""
        lead = float(target.settings["DISPATCH_LEAD_SECONDS"])
        seconds = {"armedAt": round(time.time() * 1000), "notBefore": int(self.instant(window) - lead)}
        body = json.dumps({"postId": self._keys[0], "userId": target.user, "generation": 1, **seconds}).encode()
        url = f"{target.url}/api/posts/dispatch"
        token = sign(target.settings["QSTASH_CURRENT_SIGNING_KEY"], url, body_digest(body))
        headers = {"Upstash-Signature": token, "Content-Type": "application/json", "Upstash-Message-Id": "msg_replayed"}
        time.sleep(max(0.0, self.instant(window) - 2.5 - time.time()))  # within the lead, so each may wait
        flood(target, [Request("POST", "/api/posts/dispatch", body, headers)], window.end, REPLAY_SOCKETS, THOUSAND)


class FailingPosts(OwnPosts):
    """The breaker's cooldown is a minute, so this attack comes last."""

    name = "posts that fail at n8n"
    posts = FAILING
    content = f"A post of the attacker {REFUSED_TEXT}"

    def instant(self, window: Window) -> float:
        return window.start + 1


class ExpiringAccounts(Attack):
    name = "a hundred expiring accounts"

    def prepare(self, target: Target) -> None:
        end = _wire(time.time() + timedelta(hours=1).total_seconds())
        shared = {"platform": "linkedin", "accessToken": "attack-token", "refreshToken": "attack-token"}
        bodies = [
            json.dumps(shared | {"externalId": f"urn:li:person:{number}", "accountName": "Attacker", "expiresAt": end})
            for number in range(ACCOUNTS)
        ]
        headers = target.user_headers()
        calls = [Request("POST", "/api/social-accounts", body.encode(), headers) for body in bodies]
        flood(target, calls, time.time() + 60, WRITERS, ACCOUNTS)

    def run(self, target: Target, window: Window) -> None:
        """Run the sweep as the cron does: it renews tokens and raises alerts."""
        headers = {"Authorization": f"Bearer {target.settings['CRON_SECRET']}"}
        flood(target, [Request("GET", "/api/posts/recover", None, headers)], window.end, 1, 20)


class RescheduleStorm(Flood):
    """Each reschedule leaves an alarm at QStash, and takes the former one back."""

    name = "one post rescheduled in a storm"
    threads = 16

    def __init__(self) -> None:
        self._post = ""

    def prepare(self, target: Target) -> None:
        target.connect_account()
        self._post = target.draft("A post of the attacker") or ""

    def requests(self, target: Target) -> Sequence[Request]:
        headers, now = target.user_headers(), time.time()
        instants = [_wire(now + seconds) for seconds in (30, 3_600, 86_400, 40, 90 * 86_400)]
        bodies = [json.dumps({"scheduledAt": instant}).encode() for instant in instants]
        return [Request("POST", f"/api/posts/{self._post}/schedule", body, headers) for body in bodies]


def _wire(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
