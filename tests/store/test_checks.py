"""The CHECK constraints hold the lifecycle's facts whoever writes: each of them refuses the row that breaks it."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.store.schema.tables import metadata, new_id, posts, social_accounts
from tests.support.rows import DUE, LEASE, OF_STATUS, Rows, account_row, post_row

BROKEN: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "status": [("draft", {"status": said, "scheduled_at": DUE}) for said in ("lost", "", "DRAFT")],
    "due_when_scheduled": [
        ("scheduled", {"next_attempt_at": None}),
        ("draft", {"next_attempt_at": DUE}),
        ("failed", {"next_attempt_at": DUE}),
        ("published", {"next_attempt_at": DUE}),
    ],
    "lease_when_publishing": [
        ("publishing", {"lease_until": None}),
        ("scheduled", {"lease_until": LEASE}),
        ("failed", {"lease_until": LEASE}),
    ],
    "sending_when_publishing": [("scheduled", {"sending_at": DUE}), ("published", {"sending_at": DUE})],
    "instant_when_published": [
        ("published", {"published_at": None}),
        ("failed", {"published_at": DUE}),
        ("cancelled", {"published_at": DUE}),
    ],
    "promise_kept": [(status, {"scheduled_at": None}) for status in ("scheduled", "publishing", "published", "failed")],
    "reason_when_failed": [("failed", {"error_code": None})],
    "message_when_scheduled": [(s, {"message_id": "msg_1"}) for s in OF_STATUS if s != "scheduled"],
    "counters_not_negative": [
        ("draft", {counter: -1}) for counter in ("generation", "attempt", "retry_count", "arm_count")
    ],
}
CASES = [
    pytest.param(name, status, broken, id=f"{name}-{status}-{'-'.join(broken)}-{n}")
    for name, cases in BROKEN.items()
    for n, (status, broken) in enumerate(cases)
]


@pytest.mark.parametrize(("name", "status", "broken"), CASES)
def test_a_row_that_breaks_a_fact_is_refused_by_the_constraint_of_that_fact(
    rows: Rows, name: str, status: str, broken: dict[str, Any]
):
    with pytest.raises(IntegrityError, match=f"ck_posts_{name}"):
        rows.insert(posts, post_row(status) | broken)


@pytest.mark.parametrize("status", OF_STATUS)
def test_a_sound_row_of_every_status_is_taken(rows: Rows, status: str):
    assert rows.post(status).status == status


def test_every_check_of_the_posts_has_a_row_here_that_breaks_it():
    checks = {str(c.name) for c in metadata.tables["posts"].constraints if isinstance(c, sa.CheckConstraint)}
    assert checks == {f"ck_posts_{name}" for name in BROKEN}


def test_an_account_is_active_or_waits_for_a_reconnection(rows: Rows):
    with pytest.raises(IntegrityError, match="ck_social_accounts_status"):
        rows.insert(social_accounts, account_row(new_id(), external_id="urn:li:person:2", status="asleep"))


def test_a_user_has_an_account_of_a_platform_once(rows: Rows):
    with pytest.raises(IntegrityError):
        rows.insert(social_accounts, account_row(new_id()))
    rows.insert(social_accounts, account_row(new_id(), platform="facebook"))
    rows.insert(social_accounts, account_row(new_id(), user_id="user-2"))


def test_a_post_survives_its_account_and_still_says_which_it_was(rows: Rows):
    post = rows.post("draft", social_account_id=rows.account_id)
    with rows.db.transaction() as tx:
        tx.execute(sa.delete(social_accounts))
    assert rows.read(post).social_account_id == rows.account_id


def test_an_attempt_is_recorded_once(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1)
    with pytest.raises(IntegrityError):
        rows.attempt(post, 1)
