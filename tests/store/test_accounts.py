"""Rows of social accounts: use, held posts and the reconnect mark."""

import pytest

from app.domain.breaker import Breaker
from app.store.accounts import accounts
from app.store.posts import queries
from tests.support.rows import Rows, later

NOW = later(3600)


def test_in_use_counts_scheduled_and_publishing_posts(rows: Rows):
    for status in ("draft", "scheduled", "publishing", "published", "failed", "cancelled"):
        rows.post(status)
    with rows.db.reading() as connection:
        assert accounts.in_use(connection, rows.account_id) == 2


def test_held_posts_are_scheduled_posts_waiting_for_a_reconnection(rows: Rows):
    held = rows.post("scheduled", error_code="reconnect_required")
    rows.post("scheduled", error_code="publisher_error")
    rows.post("scheduled")
    rows.post("scheduled", error_code="reconnect_required", social_account_id=None)
    rows.post("failed", error_code="reconnect_required")
    with rows.db.reading() as connection:
        assert accounts.held_posts(connection, rows.account_id) == [held.id]
        found, account, [circuit], _ = queries.delivery_of(connection, held.id)
    assert (found, circuit) == (held, Breaker())
    assert account is not None
    assert account.id == rows.account_id


def test_reconnect_mark_is_set_on_one_account_only(rows: Rows):
    with rows.db.transaction() as tx:
        mine = accounts.by_identity(tx, "user-1", "linkedin", "urn:li:person:1")
        values = {"id": "00000000-0000-4000-8000-000000000001", "user_id": "user-1", "platform": "facebook"}
        values |= {"external_id": "page", "account_name": "Page", "access_token": "sealed"}
        other = accounts.create(tx, values, NOW)
        accounts.mark_reconnect(tx, rows.account_id, NOW, sent_at=NOW)
        marked = accounts.by_identity(tx, "user-1", "linkedin", "urn:li:person:1")
    assert (mine and mine.status, marked and marked.status) == ("active", "reconnect_required")
    with rows.db.reading() as connection:
        assert other in accounts.page(connection, "user-1", {}, 10, None)
        assert accounts.usable(connection, "user-1", None, None, "facebook") == [other]
        assert accounts.page(connection, "user-2", {}, 10, None) == []


@pytest.mark.parametrize(("seconds", "status"), [(-1, "active"), (0, "reconnect_required")])
def test_reconnect_mark_is_refused_for_a_newer_token(rows: Rows, seconds: int, status: str):
    with rows.db.transaction() as tx:
        accounts.mark_reconnect(tx, rows.account_id, NOW, sent_at=later(seconds))
    with rows.db.reading() as connection:
        (account,) = accounts.page(connection, "user-1", {}, 10, None)
    assert account.status == status


@pytest.mark.parametrize("sent", [-3600, 0, 3600])
@pytest.mark.parametrize(("connected", "status"), [(0, "reconnect_required"), (-0.000001, "active"), (1, "active")])
def test_reconnect_mark_asks_for_the_connection_that_was_sent_not_for_a_time(
    rows: Rows, sent: float, connected: float, status: str
):
    """Two hosts may have written the connection and the send. START is the instant of the connection."""
    names = {"sent_at": later(sent), "connected_at": later(connected)}
    with rows.db.transaction() as tx:
        assert accounts.mark_reconnect(tx, rows.account_id, NOW, **names) is (status == "reconnect_required")
    with rows.db.reading() as connection:
        (account,) = accounts.page(connection, "user-1", {}, 10, None)
    assert account.status == status
