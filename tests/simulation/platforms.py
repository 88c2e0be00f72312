"""Simulates LinkedIn, Facebook Pages and Instagram at their publishing call.

Sources: Microsoft Learn, "UGC Post API" (a duplicate within 10 minutes is refused with 422) and one report of a longer
guard (ComposioHQ/composio#2710). Meta, "Handling Errors" (506 for consecutive duplicates only). Copies after HTTP 500
are on record (koala#699), as is 2207051 with the post live (Postiz pull request 1681).
Invariant: nothing of the app decides here. These are the platforms as the world knows them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.facts import OWN_POST, Copy
from tests.simulation.kernel import EPOCH, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

LINKEDIN_GUARD_SECONDS = (600.0, 600.0, 600.0, 86_400.0, 172_800.0)  # both readings of the duplicate guard
EPOCH_MS = int(EPOCH.timestamp() * 1000)
FACEBOOK_NOTICES = 0.7  # odds that Facebook refuses a consecutive duplicate

#: Failures of the workflow's HTTP call. After those of LOST the post may be public, after the others it is not.
LOST = ("ETIMEDOUT", "ECONNRESET", "ESOCKETTIMEDOUT", "ECONNABORTED", "EPIPE", "UND_ERR_HEADERS_TIMEOUT")
UNREACHED = ("EAI_AGAIN", "ENOTFOUND", "ECONNREFUSED")

Error = tuple[int, str, dict[str, Any]]  # the status, the code in the body, the body


@dataclass(frozen=True, slots=True)
class Call:
    """One publishing call of the workflow. `called_at` is the true instant of Punctual's call, in µs."""

    post_id: str
    attempt: int
    platform: str
    account: str
    token: str
    text: str
    called_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The platform's answer to the workflow.

    `status` is None where no answer came. `code` then is the error of the workflow's HTTP call. `copy` is the post made
    by this call. `says` is the answer's meaning: published, refused, busy, token, duplicate, or unknown.
    """

    status: int | None
    code: str
    body: dict[str, Any]
    says: str
    copy: Copy | None = None
    named: Copy | None = None

    @property
    def proves_absence(self) -> bool:
        """True where the platform's documents say that this call published nothing."""
        return self.says in ("refused", "busy", "token", "duplicate") or self.code in UNREACHED


@dataclass(slots=True)
class Platforms:
    """All public posts of one seed, the authors' own included."""

    world: World
    public: list[Copy] = field(default_factory=list)
    guard_seconds: float = 600.0

    def publish(self, call: Call) -> Answer:
        """Answer one publishing call. The post may become public."""
        inject, rng = self.world.inject, self.world.rng
        if call.token not in self.world.valid_tokens:
            return _answer(rng.choice(TOKEN_REFUSED[call.platform]), "token")
        if inject("platform_refuses"):
            return _answer(rng.choice(CONTENT_REFUSED[call.platform]), "refused")
        if inject("platform_busy"):
            return _answer(rng.choice(BUSY[call.platform]), "busy")
        if inject("platform_unreached"):
            return Answer(None, rng.choice(UNREACHED), {}, "unknown")
        original = self._original(call)
        if original is not None:
            return self._duplicate(call, original)
        if inject("platform_fails"):
            return _answer(rng.choice(BROKEN[call.platform]), "unknown", self._perhaps(call))
        if inject("platform_times_out"):
            return Answer(None, rng.choice(LOST), {}, "unknown", self._perhaps(call))
        copy = self._create(call)
        return Answer(201, "", {"id": copy.urn}, "published", copy)

    def publish_by_hand(self, platform: str, account: str, text: str, at: int) -> None:
        """Publish the author's own post of this text at `at`, an instant before Punctual's."""
        self._keep(Call(OWN_POST, 0, platform, account, "", text, at), at)

    def _perhaps(self, call: Call) -> Copy | None:
        return self._create(call) if self.world.rng.random() < 0.5 else None

    def _create(self, call: Call) -> Copy:
        copy = self._keep(call, self.world.kernel.now)
        self.world.published(copy)
        return copy

    def _keep(self, call: Call, at: int) -> Copy:
        urn = self._id(call, at)
        copy = Copy(urn, call.post_id, call.attempt, call.account, call.platform, call.text, at, call.called_at)
        self.public.append(copy)
        self.public.sort(key=lambda other: other.at)
        return copy

    def _id(self, call: Call, at: int) -> str:
        low = self.world.rng.getrandbits(20) + len(self.public)
        milliseconds = EPOCH_MS + at // 1000
        if call.platform == "linkedin":
            return f"urn:li:{self.world.rng.choice(('share', 'ugcPost'))}:{milliseconds << 22 | low}"
        number = 17_000_000_000_000_000 + low * 1000 + len(self.public)
        return f"104_{number}" if call.platform == "facebook" else str(number)

    def _original(self, call: Call) -> Copy | None:
        """Return the earlier post that makes this call a duplicate, None where the platform takes it."""
        now = self.world.kernel.now
        own = [one for one in self.public if (one.platform, one.account) == (call.platform, call.account)]
        if call.platform == "linkedin":
            guarded = [one for one in own if one.text == call.text and now - one.at < self.guard_seconds * SECOND]
            return guarded[0] if guarded else None
        if call.platform == "facebook" and own and own[-1].text == call.text:
            return own[-1] if self.world.rng.random() < FACEBOOK_NOTICES else None
        return None

    def _duplicate(self, call: Call, original: Copy) -> Answer:
        if call.platform == "facebook":
            body = {"error": {"message": "Duplicate status message", "type": "OAuthException", "code": 506}}
            return Answer(400, "506", body, "duplicate")
        named = None if self.world.inject("report_nameless") else original
        text = f"Content is a duplicate of {named.urn}" if named else "Content is a duplicate"
        errors = {"inputErrors": [{"code": "DUPLICATE_POST"}]}
        return Answer(
            422, "DUPLICATE_POST", {"message": text, "errorDetails": errors, "status": 422}, "duplicate", None, named
        )


def _answer(error: Error, says: str, copy: Copy | None = None) -> Answer:
    status, code, body = error
    return Answer(status, code, body, says, copy)


def _linkedin(status: int, code: str, message: str, **more: Any) -> Error:
    return status, code, {"status": status, "message": message} | ({"code": code} if code else {}) | more


def _meta(status: int, code: int, message: str, subcode: int | None = None, **more: Any) -> Error:
    error = {"message": message, "type": "OAuthException", "code": code} | more
    return status, str(code), {"error": error | ({"error_subcode": subcode} if subcode else {})}


_META_TOKEN = (_meta(400, 190, "Error validating access token", 460), _meta(401, 190, "The user is not logged in", 463))
TOKEN_REFUSED = {
    "linkedin": (
        _linkedin(401, "REVOKED_ACCESS_TOKEN", "The token has been revoked by the user", serviceErrorCode=65601),
        _linkedin(401, "", "Unauthorized"),
    ),
    "facebook": _META_TOKEN,
    "instagram": _META_TOKEN,
}
CONTENT_REFUSED = {
    "linkedin": (
        _linkedin(400, "FIELD_LENGTH_TOO_LONG", "commentary exceeds the length"),
        _linkedin(400, "INVALID_VALUE_FOR_FIELD", "invalid value"),
        _linkedin(403, "ACCESS_DENIED", "Accessing this resource is forbidden"),
    ),
    "facebook": (
        _meta(400, 100, "Invalid parameter"),
        _meta(403, 200, "Permissions error"),
        _meta(400, 368, "Blocked"),
    ),
    "instagram": (_meta(400, 36003, "The aspect ratio is not supported", 2207009), _meta(403, 10, "Not permitted")),
}
BUSY = {
    "linkedin": (
        _linkedin(429, "TOO_MANY_REQUESTS", "Throttled"),
        _linkedin(409, "CONFLICT", "Write conflict"),
        _linkedin(426, "NONEXISTENT_VERSION", "Requested version is not active"),
    ),
    "facebook": (_meta(429, 32, "Page request limit reached"), _meta(400, 4, "Application request limit reached")),
    "instagram": (_meta(429, 4, "Application request limit reached"),),
}
_META_BROKEN: tuple[Error, ...] = (
    _meta(500, 2, "Service temporarily unavailable", is_transient=True),
    _meta(500, 1, "An unknown error occurred", 99),
    (502, "", {}),
    (504, "", {}),
)
BROKEN = {
    "linkedin": (
        _linkedin(500, "", "Internal Server Error"),
        _linkedin(502, "", "Bad Gateway"),
        _linkedin(503, "SERVICE_UNAVAILABLE", "Service Unavailable"),
        _linkedin(504, "", "Gateway Timeout"),
    ),
    "facebook": _META_BROKEN,
    "instagram": (*_META_BROKEN, _meta(500, -1, "Fatal", 2207001), _meta(500, 4, "Action blocked", 2207051)),
}


def as_text(body: dict[str, Any]) -> str:
    """Return the body as the text that a workflow passes on."""
    return json.dumps(body, separators=(",", ":"))
