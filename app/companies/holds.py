"""Hold the posts of a profile taken away from a company, and warn the company's owners.

Invariant: a held post is neither sent nor lost. It is failed, with its reason, until a member schedules it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.alarms import disarm_many
from app.audit import record
from app.companies.permissions import require_member
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.audit import Action
from app.domain.companies import Right, Withheld
from app.domain.explanations import SENTENCES
from app.log import emit
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.operations import alerts
from app.store.posts import account_holds

MAX_DISARMED = 50  # messages cancelled in one request. Deliveries of the others are ignored
MAX_WARNINGS = 200


@dataclass(slots=True)
class Held:
    """The posts held in one transaction: their number, and ids of their pending messages."""

    posts: int = 0
    messages: list[str] = field(default_factory=list)


def hold_posts(tx: Connection, account_id: str, code: str, actor: str, now: datetime) -> Held:
    """Hold the scheduled posts of the account with this code. Posts in flight go on."""
    messages = account_holds.armed_messages(tx, account_id, MAX_DISARMED)
    posts = account_holds.hold_posts(
        tx, account_id, code=code, message=SENTENCES[code], reason=code, actor=f"user:{actor}", now=now
    )
    return Held(posts, messages)


def hold_profiles(tx: Connection, company_id: str, member_id: str, actor: str, now: datetime) -> Held:
    """Withhold the member's own profiles from the company, and hold their posts."""
    total = Held()
    for account_id in accounts.profiles_of(tx, member_id, company_id):
        accounts.withhold(tx, account_id, now)
        held = hold_posts(tx, account_id, accounts.MEMBER_LEFT, actor, now)
        alerts.raise_alert(tx, accounts.MEMBER_LEFT, account_id, CURES[accounts.MEMBER_LEFT], now)
        record(tx, actor, Action.ACCOUNT_WITHHELD, f"account:{account_id}", now, company_id=company_id)
        total.posts += held.posts
        total.messages += held.messages
    return total


def after_hold(deps: Deps, held: Held, company_id: str) -> None:
    """Log a committed hold, and cancel the pending messages of its posts."""
    if held.posts:
        emit("company.posts_held", company_id=company_id, posts=held.posts)
    disarm_many(deps, held.messages[:MAX_DISARMED])


def list_warnings(deps: Deps, user_id: str, company_id: str) -> list[Withheld]:
    """Return the company's held posts, counted by account and reason.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.READ)
        return account_holds.withheld(connection, company_id, MAX_WARNINGS)
