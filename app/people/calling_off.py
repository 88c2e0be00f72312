"""The first steps of a deletion: call posts off, wait for those in flight, revoke tokens.

Invariant: no row is deleted while a post that needs it is on its way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from app.alarms import disarm_batch
from app.deps import Deps
from app.domain.errors import Conflict
from app.domain.oauth import REFRESHABLE, AuthorizationError
from app.domain.post import Account
from app.domain.sealing import access_token_of, refresh_token_of
from app.domain.times import to_wire
from app.log import emit
from app.store.people import erasure
from app.store.people.steps import Step
from app.store.posts import transitions
from app.store.schema.columns import Condition

OPERATOR = "operator"
BATCH = 100  # posts called off, or rows deleted, in one transaction


@dataclass(slots=True)
class Done:
    """The result of a deletion. `not_revoked` has a line for each token that is still good at its platform."""

    called_off: int = 0
    posts: int = 0
    accounts: int = 0
    companies: int = 0
    rows: int = 0
    not_revoked: list[str] = field(default_factory=list)


def call_off(deps: Deps, where: Condition, done: Done) -> None:
    """Cancel the scheduled posts of this condition, and their messages. A claimed post stays in flight."""
    while True:
        now = deps.clock.now()
        with deps.db.transaction() as tx:
            found = erasure.scheduled(tx, where, BATCH)
            cancelled = [p for p in found if transitions.cancel(tx, p, now=now, actor=OPERATOR) is not None]
        done.called_off += len(cancelled)
        disarm_batch(deps, [post.message_id for post in cancelled if post.message_id is not None])
        if len(found) < BATCH or not cancelled:
            return


def in_batches(deps: Deps, step: Step) -> int:
    """Repeat a step, each time in a transaction of its own, until it changes nothing. Return the sum."""
    total = 0
    while True:
        with deps.db.transaction() as tx:
            changed = step(tx, BATCH)
        if not changed:
            return total
        total += changed


def require_none_in_flight(deps: Deps, where: Condition) -> None:
    """Refuse to go on while a post is being sent.

    Raises: Conflict (`in_flight`) with the instant from which another try can succeed.
    """
    with deps.db.reading() as connection:
        count, until = erasure.publishing(connection, where)
    if count:
        detail = f"{count} posts are being sent, or wait for n8n's report, until {to_wire(until)} at the latest."
        raise Conflict("in_flight", f"{detail} Run the command again after that. It goes on where it stopped.")


def revoke_tokens(deps: Deps, account: Account, done: Done) -> None:
    """Revoke the account's tokens at its platform where that is possible. A failure is noted in `done`."""
    name = f"{account.platform} account {account.id}"
    if account.platform != REFRESHABLE:
        done.not_revoked.append(f"{name}: its person removes the app in the platform's settings")
    elif deps.linkedin is None or deps.vault is None:
        done.not_revoked.append(f"{name}: LINKEDIN_CLIENT_ID or TOKEN_ENCRYPTION_KEYS is not set")
    elif problem := _revoke(deps, account):
        emit("account.not_revoked", account_id=account.id, error=problem)
        done.not_revoked.append(f"{name}: {problem}")


def _revoke(deps: Deps, account: Account) -> str | None:
    """Revoke the refresh token, then the access token. Return why one is left, None if both are gone."""
    assert deps.linkedin is not None
    assert deps.vault is not None
    sealed = [(account.refresh_token, refresh_token_of), (account.access_token, access_token_of)]
    problem = None
    for ciphertext, field_of in sealed:
        if ciphertext is None:
            continue
        try:
            deps.linkedin.revoke(deps.vault.decrypt(ciphertext, field_of(account.id)))
        except AuthorizationError as error:
            problem = f"LinkedIn did not revoke it ({error.code})"
        except ValueError:
            problem = "no key of TOKEN_ENCRYPTION_KEYS opens it"
    return problem
