"""Risks: what is known now to keep a scheduled post from going out on time, with a cure for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.explanations import EXPLANATIONS
from app.domain.lifecycle import Status
from app.domain.oauth import usable_until
from app.domain.pacing import CAPPED
from app.domain.post import Account, Post
from app.domain.times import to_wire

ACCOUNT_MISSING, RECONNECT_REQUIRED, TOKEN_ENDS = "account_missing", "reconnect_required", "token_expires_before"
SENDING_PAUSED = "sending_paused"
NOT_ARMED, PARKED, MEDIA_UNCHECKED = "not_armed", "parked", "media_unchecked"
MEDIA_GONE = ("media_unreachable", "media_not_public", "media_not_fetched")
#: Error codes of a scheduled post that a person can do something about.
HELD_CODES = (RECONNECT_REQUIRED, ACCOUNT_MISSING, CAPPED, *MEDIA_GONE)
#: Codes about an account. Counts name the account beside them.
OF_ACCOUNT = frozenset({RECONNECT_REQUIRED, TOKEN_ENDS, ACCOUNT_MISSING, CAPPED, "permission_missing"})

_OWN = {
    TOKEN_ENDS: ("The account's access ends before this post.", "Reconnect the account."),
    NOT_ARMED: (
        "The alarm of this post is not set. The safety net sends it, perhaps minutes late.",
        "Nothing, or schedule it again.",
    ),
    PARKED: (
        "The time is further ahead than the message service plans.",
        "Nothing: the alarm is set as the time comes nearer.",
    ),
    MEDIA_UNCHECKED: (
        "The images and videos are not checked before the time.",
        "Check that each URL opens in a private window.",
    ),
}


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk: a stable code, the message and the cure for the author."""

    code: str
    message: str
    cure: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What this installation can do for scheduled posts.

    `can_refresh`: our OAuth client renews tokens. `armed_before` is the first instant too far for an alarm, None
    without a message service. `daily_cap` is the account's cap in 24 hours, None without one. `is_paused`: the operator
    has paused all sending.
    """

    can_refresh: bool
    armed_before: datetime | None
    checks_media: bool
    daily_cap: int | None
    is_paused: bool = False


#: For lists that ask for no risk.
NOTHING_KNOWN = Outlook(can_refresh=False, armed_before=None, checks_media=True, daily_cap=None)


def risk(code: str) -> Risk:
    """Return the risk or the failure of this code in words for authors."""
    if code in _OWN:
        return Risk(code, *_OWN[code])
    explanation = EXPLANATIONS.get(code)
    if explanation is None:
        return Risk(code, "This post did not go out.", "Look at the post, then schedule it again.")
    return Risk(code, explanation.sentence, explanation.cure)


def risks_of(post: Post, account: Account | None, outlook: Outlook, over_cap: bool) -> list[Risk]:
    """List the risks of a post. Only a scheduled one has any.

    `account` is None if the post has no usable one. `over_cap`: the account has more posts in the 24 hours up to this
    one than its daily cap.
    """
    due = post.next_attempt_at
    if post.status is not Status.SCHEDULED or due is None:
        return []
    found = [risk(SENDING_PAUSED)] if outlook.is_paused else []
    found += [risk(post.error_code)] if post.error_code in HELD_CODES else []
    if account is None:
        found.append(risk(ACCOUNT_MISSING))
    elif account.status == RECONNECT_REQUIRED:
        found.append(risk(RECONNECT_REQUIRED))
    elif (end := usable_until(account, outlook.can_refresh)) is not None and end <= due:
        message = f"The account's access ends at {to_wire(end)}, before this post."
        found.append(Risk(TOKEN_ENDS, message, risk(TOKEN_ENDS).cure))
    if over_cap:
        found.append(risk(CAPPED))
    if (post.media or post.image_url) and not outlook.checks_media:
        found.append(risk(MEDIA_UNCHECKED))
    if outlook.armed_before is not None and post.message_id is None:
        found.append(risk(PARKED if due >= outlook.armed_before else NOT_ARMED))
    return list({one.code: one for one in reversed(found)}.values())[::-1]
