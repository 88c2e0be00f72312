"""The deletion of all data of one user.

Invariant: each step can be repeated, so a deletion that was cut short goes on when it is run again. What a company owns
stays with the company, without the user's name.
"""

from __future__ import annotations

from app.accounts.accounts import remove_account
from app.companies.members import remove_member
from app.deps import Deps
from app.domain.errors import Conflict, NotFound
from app.log import emit
from app.people.calling_off import Done, call_off, in_batches, require_none_in_flight, revoke_tokens
from app.store.people import erasure, records, redaction, steps
from app.store.people.records import RECORDS

DELETED_USER = "deleted-user"  # in a company's rows, in place of the user
ID_RANGE = 20_000  # ids looked through in one transaction


def count_user(deps: Deps, user_id: str) -> dict[str, int]:
    """Count the rows about a user by kind. Raises: Unavailable."""
    with deps.db.reading() as connection:
        return {section.name: records.count(connection, section, user_id) for section in RECORDS}


def delete_user(deps: Deps, user_id: str) -> Done:
    """Delete the user's data: posts called off first, tokens revoked, accounts, keys, endpoints, feeds, answers.

    Raises: Conflict (`last_owner`, `in_flight`, `still_active`), Unavailable. Another run goes on.
    """
    done = Done()
    _require_other_owners(deps, user_id)
    for step in steps.ways_to_act(user_id):
        done.rows += in_batches(deps, step)
    call_off(deps, erasure.of_person(user_id), done)
    require_none_in_flight(deps, erasure.through_person(user_id))
    _withdraw_profiles(deps, user_id, done)
    _leave_companies(deps, user_id, done)
    _delete_accounts(deps, user_id, done)
    own = erasure.of_person(user_id)
    done.posts += in_batches(deps, lambda tx, limit: erasure.delete_posts(tx, own, limit))
    for step in steps.traces(user_id, DELETED_USER):
        done.rows += in_batches(deps, step)
    _redact(deps, user_id, done)
    _require_gone(deps, user_id)
    emit("user.deleted", called_off=done.called_off, posts=done.posts, accounts=done.accounts, rows=done.rows)
    return done


def _require_other_owners(deps: Deps, user_id: str) -> None:
    with deps.db.reading() as connection:
        alone = erasure.owned_alone(connection, user_id)
    if alone:
        named = ", ".join(f"{company_id} ({name})" for company_id, name in alone)
        cure = "Make another member an owner there, or delete the company first: flask company delete ID"
        raise Conflict("last_owner", f"{user_id} is the only owner of {named}. {cure}")


def _withdraw_profiles(deps: Deps, user_id: str, done: Done) -> None:
    """Withdraw the user's profiles from companies. Posts scheduled through them are held there."""
    with deps.db.reading() as connection:
        found = erasure.profiles_in_companies(connection, user_id)
    for account in found:
        revoke_tokens(deps, account, done)
        remove_account(deps, user_id, account.id)
        done.accounts += 1


def _leave_companies(deps: Deps, user_id: str, done: Done) -> None:
    with deps.db.reading() as connection:
        found = erasure.companies_of(connection, user_id)
    for company_id in found:
        try:
            remove_member(deps, user_id, company_id, user_id)
        except NotFound:  # removed by an owner meanwhile
            continue
        done.companies += 1


def _delete_accounts(deps: Deps, user_id: str, done: Done) -> None:
    with deps.db.reading() as connection:
        found = erasure.own_accounts(connection, user_id)
    for account in found:
        revoke_tokens(deps, account, done)
        with deps.db.transaction() as tx:
            erasure.delete_account(tx, account.id)
        done.accounts += 1


def _redact(deps: Deps, user_id: str, done: Done) -> None:
    """Remove the user's name from histories and from the audit trail, a range of ids at a time."""
    for part in redaction.PARTS:
        with deps.db.reading() as connection:
            last = redaction.highest_id(connection, part)
        for start in range(0, last, ID_RANGE):
            with deps.db.transaction() as tx:
                done.rows += part.redact(tx, user_id, DELETED_USER, start, start + ID_RANGE)


def _require_gone(deps: Deps, user_id: str) -> None:
    """Look for rows written meanwhile with a token that is still valid.

    Raises: Conflict (`still_active`).
    """
    left = {name: number for name, number in count_user(deps, user_id).items() if number}
    if left:
        cure = "Block the user where tokens are issued, then run this again."
        raise Conflict("still_active", f"{user_id} has written meanwhile: {left}. {cure}")
