"""The workflow's reports: the fields that it fills from a platform's answer, and their many forms.

Invariant: `retryable` is true only if nothing was published, except in the reports of a careless workflow that asks for
its claim first.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.simulation.facts import Copy
from tests.simulation.platforms import Answer, as_text

#: The fields of a failure by which it says more than prose. "bare" has none of them.
FORMS = {
    "full": ("code", "status", "retryable"),
    "code": ("code",),
    "status": ("status",),
    "retryable": ("retryable",),
    "code and status": ("code", "status"),
    "json": ("json",),
    "json and code": ("json", "code"),
    "bare": (),
}
MISNAMED: tuple[Any, ...] = (
    "",
    "undefined",
    "null",
    None,
    0,
    -1,
    1.5,
    99,
    "99",
    "two",
    True,
    [],
    {},
    10**12,
    "{{ $json.attempt }}",
)
QUOTES = (
    "The platform refused: {text}",
    'Error in node "Publish": {text} (request failed)',
    "{text}",
    "Request failed with status code {status}",
)


@dataclass(slots=True)
class PendingReport:
    """A report in flight, as the body of its request.

    `of_copy` is the published copy that it reports, None in a failure. `absent`: the report has a field that proves the
    attempt unpublished. `named` is the copy that a duplicate refusal with its code names.
    """

    post_id: str
    attempt: int
    body: dict[str, Any]
    of_copy: Copy | None = None
    absent: bool = False
    named: Copy | None = None
    says: str = "unknown"


def success(rng: random.Random, post_id: str, attempt: int, copy: Copy, *, nameless: bool) -> PendingReport:
    """Build the report of a published post, in one form of its id."""
    body: dict[str, Any] = {"postId": post_id, "status": "published"}
    if not nameless:
        body[rng.choice(("linkedinPostUrn", "externalPostId"))] = copy.urn
    return PendingReport(post_id, attempt, body, copy, says="published")


def failure(
    rng: random.Random, post_id: str, attempt: int, text: str, answer: Answer, form: str, *, careless: bool
) -> PendingReport:
    """Build the report of a failed publishing call, with the fields of this form."""
    fields = FORMS[form]
    body: dict[str, Any] = {"postId": post_id, "status": "failed"}
    prose = rng.choice(QUOTES).format(text=text, status=answer.status or "unknown")
    if answer.says == "duplicate":
        prose = answer.body.get("message", prose)
    if "code" in fields and answer.code:
        body["errorCode"] = answer.code
    if "status" in fields and answer.status is not None:
        body["httpStatus"] = rng.choice((answer.status, str(answer.status)))
    retryable = _retryable(answer, careless=careless) if "retryable" in fields else None
    if retryable is not None:
        body["retryable"] = rng.choice((retryable, str(retryable).lower()))
    subcode = "error_subcode" in answer.body.get("error", {})  # it can change the meaning of the code beside it
    body[rng.choice(("errorMessage", "error"))] = as_text(answer.body) if "json" in fields or subcode else prose
    says_more = "json" in fields or subcode or len(body.keys() & {"errorCode", "httpStatus", "retryable"}) > 0
    absent = answer.proves_absence and says_more
    named = answer.named if "errorCode" in body or "json" in fields else None
    return PendingReport(post_id, attempt, body, None, absent, named, answer.says)


def _retryable(answer: Answer, *, careless: bool) -> bool | None:
    if answer.says == "unknown" and careless:
        return True
    if not answer.proves_absence:
        return None
    return answer.says in ("busy", "unknown")


def early_failure(rng: random.Random, post_id: str, attempt: int, text: str) -> PendingReport:
    """Build the report of a workflow that failed before its publishing call, without a word of that."""
    body = {"postId": post_id, "status": "failed", "errorMessage": rng.choice(QUOTES).format(text=text, status="502")}
    if rng.random() < 0.3:
        body["errorCode"] = rng.choice(("ETIMEDOUT", "ECONNRESET", "UNKNOWN", "NodeApiError"))
    return PendingReport(post_id, attempt, body)


def late_failure(rng: random.Random, post_id: str, attempt: int, copy: Copy) -> PendingReport:
    """Build the report of a workflow that failed after its publishing call, and names the post."""
    body = {
        "postId": post_id,
        "status": "failed",
        "errorMessage": "Saving the result failed",
        "externalPostId": copy.urn,
    }
    return PendingReport(post_id, attempt, body, copy, says="published")
