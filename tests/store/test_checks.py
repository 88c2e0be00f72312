"""CHECK constraints: each refuses a row that breaks its rule of the lifecycle."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.store.schema.tables import metadata, new_id, posts, social_accounts
from tests.support.rows import COLUMNS_BY_STATUS, DUE, LEASE, Rows, account_row, post_row

BROKEN: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "status": [("draft", {"status": status, "scheduled_at": DUE}) for status in ("lost", "", "DRAFT")],
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
    "message_when_scheduled": [(s, {"message_id": "msg_1"}) for s in COLUMNS_BY_STATUS if s != "scheduled"],
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
def test_invalid_row_is_refused_by_its_own_check(rows: Rows, name: str, status: str, broken: dict[str, Any]):
    with pytest.raises(IntegrityError, match=f"ck_posts_{name}"):
        rows.insert(posts, post_row(status) | broken)


@pytest.mark.parametrize("status", COLUMNS_BY_STATUS)
def test_valid_row_of_each_status_is_accepted(rows: Rows, status: str):
    assert rows.post(status).status == status


def test_every_check_on_posts_has_an_invalid_row_here():
    checks = {str(c.name) for c in metadata.tables["posts"].constraints if isinstance(c, sa.CheckConstraint)}
    assert checks == {f"ck_posts_{name}" for name in BROKEN}


def test_unknown_account_status_is_refused(rows: Rows):
    with pytest.raises(IntegrityError, match="ck_social_accounts_status"):
        rows.insert(social_accounts, account_row(new_id(), external_id="urn:li:person:2", status="asleep"))


def test_user_cannot_have_the_same_account_twice(rows: Rows):
    with pytest.raises(IntegrityError):
        rows.insert(social_accounts, account_row(new_id()))
    rows.insert(social_accounts, account_row(new_id(), platform="facebook"))
    rows.insert(social_accounts, account_row(new_id(), user_id="user-2"))


def test_post_keeps_its_account_id_after_the_account_is_deleted(rows: Rows):
    post = rows.post("draft", social_account_id=rows.account_id)
    with rows.db.transaction() as tx:
        tx.execute(sa.delete(social_accounts))
    assert rows.read(post).social_account_id == rows.account_id


def test_attempt_cannot_be_inserted_twice(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1)
    with pytest.raises(IntegrityError):
        rows.attempt(post, 1)
