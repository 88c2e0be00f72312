"""Tokens are encrypted again with the first key, each bound to its row, while the app goes on."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.accounts import rotate
from app.accounts.connect import begin, complete
from app.accounts.refresh import refresh
from app.accounts.rotate import Rotated, rotate_encryption
from app.adapters.vault import FernetVault
from app.domain.errors import Invalid, NotConfigured, Unavailable
from app.domain.post import Account
from app.store.accounts import ciphertexts
from app.store.schema.tables import metadata, oauth_states, social_accounts
from tests.support.key_world import NEW, OLD, OTHER, Keys
from tests.support.linkedin import grant
from tests.support.world import USER


@pytest.fixture
def keys(database_url: str) -> Iterator[Keys]:
    made = Keys(database_url)
    yield made
    made.close()


def test_every_encrypted_column_of_the_schema_is_rotated():
    known = {column.title for column in ciphertexts.ENCRYPTED_COLUMNS}
    secret = ("token", "verifier", "secret", "sealed", "encrypted")
    assert known == {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.endswith(secret) and not column.name.endswith("hash")
    }


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_all_tokens_are_encrypted_with_the_first_key(keys: Keys, monkeypatch: pytest.MonkeyPatch, batch: int):
    monkeypatch.setattr(rotate, "BATCH", batch)
    accounts = [*keys.accounts_of(4), keys.expiring_account(external_id="x", refresh=None)]
    begin(keys.deps, USER)
    before = keys.rows()
    keys.use(NEW, OLD)
    assert rotate_encryption(keys.deps) == Rotated(encrypted=10)
    keys.use(NEW)
    assert [keys.tokens(account) for account in accounts] == [("access-1", "refresh-1")] * 4 + [("access-1", None)]
    assert rotate_encryption(keys.deps) == Rotated(current=10)
    secret = {"access_token", "refresh_token"}
    plain = [{name: value for name, value in row._mapping.items() if name not in secret} for row in before]
    assert [{n: v for n, v in row._mapping.items() if n not in secret} for row in keys.rows()] == plain


def test_older_tokens_are_bound_to_their_row_also_without_a_new_key(keys: Keys):
    account = keys.expiring_account()
    older = {name: Fernet(OLD).encrypt(name.encode()).decode() for name in ("access_token", "refresh_token")}
    keys.store(account, **older)
    assert keys.tokens(account) == ("access_token", "refresh_token")
    assert rotate_encryption(keys.deps) == Rotated(encrypted=2)
    assert keys.tokens(account) == ("access_token", "refresh_token")
    assert rotate_encryption(keys.deps) == Rotated(current=2)


def test_older_token_of_a_removed_key_is_refused_in_every_row(keys: Keys):
    """The end of a rotation with a new key ends the acceptance of unbound copies, as in an old backup."""
    account, other = keys.accounts_of(2)
    keys.store(account, access_token=Fernet(OLD).encrypt(b"stolen").decode())
    copied = keys.read_account(account).access_token
    keys.use(NEW, OLD)
    assert rotate_encryption(keys.deps).complete
    keys.use(NEW)
    keys.store(other, access_token=copied)
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        keys.tokens(other)


def test_dry_run_counts_and_changes_nothing(keys: Keys):
    keys.accounts_of(2)
    keys.use(NEW, OLD)
    before = keys.rows()
    assert rotate_encryption(keys.deps, dry_run=True) == Rotated(encrypted=4)
    assert keys.rows() == before


def test_secret_that_no_key_opens_is_named_and_left(keys: Keys):
    lost, moved, fine = keys.accounts_of(3)
    keys.store(lost, refresh_token=FernetVault([OTHER]).encrypt("x", f"social_accounts/{lost.id}/refresh_token"))
    keys.store(moved, access_token=fine.access_token)
    kept = (keys.read_account(lost).refresh_token, fine.access_token)
    keys.use(NEW, OLD)
    done = rotate_encryption(keys.deps)
    named = [f"social_accounts.access_token {moved.id}", f"social_accounts.refresh_token {lost.id}"]
    assert (done.encrypted, done.unreadable, done.busy, done.complete) == (4, named, [], False)
    assert (keys.read_account(lost).refresh_token, keys.read_account(moved).access_token) == kept


def test_interrupted_rotation_goes_on(keys: Keys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rotate, "BATCH", 2)
    accounts = keys.accounts_of(5)
    keys.use(NEW, OLD)
    keys.at_next_commit(lambda: keys.fail_transactions(1))
    with pytest.raises(Unavailable):
        rotate_encryption(keys.deps)
    assert {keys.tokens(account) for account in accounts} == {("access-1", "refresh-1")}
    done = rotate_encryption(keys.deps)
    assert done.complete
    assert done.current >= 2
    assert done.current + done.encrypted == 10


def test_rotation_leaves_tokens_under_refresh_alone(keys: Keys):
    """A refresh recognises its connection by the ciphertexts. Replaced ones would cost the platform's new token."""
    account = keys.expiring_account()
    keys.use(NEW, OLD)
    found: list[Rotated] = []
    keys.linkedin.during_call = lambda: found.append(rotate_encryption(keys.deps))
    keys.linkedin.default_answer = grant("fresh", "fresh-refresh")
    assert refresh(keys.deps, account.id, keys.clock.now() + timedelta(days=7)) == "refreshed"
    both = [f"social_accounts.{name} {account.id}" for name in ("access_token", "refresh_token")]
    assert found == [Rotated(busy=both)]
    assert keys.tokens(account) == ("fresh", "fresh-refresh")
    assert rotate_encryption(keys.deps) == Rotated(current=2)


def test_lease_of_a_dead_refresh_does_not_stop_the_rotation(keys: Keys):
    account = keys.expiring_account()
    keys.store(account, refresh_lease_until=keys.clock.now() - timedelta(seconds=1))
    keys.use(NEW, OLD)
    assert rotate_encryption(keys.deps) == Rotated(encrypted=2)


def test_new_token_between_read_and_write_wins(keys: Keys, monkeypatch: pytest.MonkeyPatch):
    account, gone = keys.accounts_of(2)
    keys.use(NEW, OLD)
    changes = [
        lambda: keys.store(account, access_token=FernetVault([OLD]).encrypt("theirs", access_of(account))),
        lambda: keys.store(gone, refresh_token=None),
    ]

    def page(*arguments: Any) -> list[ciphertexts.Ciphertext]:
        batch = read_page(*arguments)
        while changes:
            changes.pop()()
        return batch

    read_page = ciphertexts.page
    monkeypatch.setattr(ciphertexts, "page", page)
    assert rotate_encryption(keys.deps).complete
    keys.use(NEW)
    assert keys.tokens(account) == ("theirs", "refresh-1")
    assert keys.tokens(gone) == ("access-1", None)


def access_of(account: Account) -> str:
    return f"social_accounts/{account.id}/access_token"


def test_pending_connection_survives_the_turn_of_the_key(keys: Keys):
    started = begin(keys.deps, USER)
    keys.use(NEW, OLD)
    assert rotate_encryption(keys.deps) == Rotated(encrypted=1)
    keys.use(NEW)
    state = started.url.rpartition("state=")[2]
    assert complete(keys.deps, state, started.browser_secret, "code", "").external_id
    assert len(keys.linkedin.exchanged) == 1


def test_connection_with_a_lost_or_moved_verifier_is_refused_and_asks_to_connect_again(keys: Keys):
    first, second = begin(keys.deps, USER), begin(keys.deps, USER)
    with keys.db.transaction() as tx:
        one = tx.execute(sa.select(oauth_states.c.verifier).order_by(oauth_states.c.state_hash)).scalars().first()
        tx.execute(sa.update(oauth_states).values(verifier=one))
    refused = 0
    for started in (first, second):
        try:
            complete(keys.deps, started.url.rpartition("state=")[2], started.browser_secret, "code", "")
        except Invalid as error:
            refused += error.code == "state_invalid"
    assert refused == 1
    third = begin(keys.deps, USER)
    keys.use(NEW)
    with pytest.raises(Invalid, match="Connect again"):
        complete(keys.deps, third.url.rpartition("state=")[2], third.browser_secret, "code", "")
    assert len(keys.linkedin.exchanged) == 1


def test_expired_connection_is_left_alone(keys: Keys):
    begin(keys.deps, USER)
    before = keys.verifier()
    keys.clock.advance(minutes=11)
    keys.use(NEW)
    assert rotate_encryption(keys.deps) == Rotated()
    assert keys.verifier() == before


def test_rotation_without_keys_names_the_setting(keys: Keys):
    keys.with_deps(vault=None)
    with pytest.raises(NotConfigured, match="TOKEN_ENCRYPTION_KEYS"):
        rotate_encryption(keys.deps)


@pytest.mark.parametrize("swap", ["other row", "other column"])
def test_post_of_a_moved_token_waits_and_is_never_sent(keys: Keys, swap: str):
    mine, theirs = keys.accounts_of(2)
    post = keys.due(social_account_id=mine.id)
    moved = keys.read_account(theirs).access_token if swap == "other row" else keys.read_account(mine).refresh_token
    right = keys.read_account(mine).access_token
    keys.store(mine, access_token=moved)
    keys.dispatch(post)
    assert (keys.publisher.submissions, keys.read(post).status, keys.attempts(post)) == ([], "scheduled", [])
    assert keys.alerts() == {"tokens_unreadable": "TOKEN_ENCRYPTION_KEYS"}
    keys.store(mine, access_token=right)
    keys.at_due(post)
    keys.dispatch(keys.read(post))
    assert len(keys.publisher.submissions) == 1


def test_moved_refresh_token_is_never_sent(keys: Keys):
    mine, theirs = keys.accounts_of(2)
    keys.store(mine, refresh_token=keys.read_account(theirs).refresh_token)
    assert refresh(keys.deps, mine.id, keys.clock.now() + timedelta(days=7)) == "unreadable"
    assert keys.linkedin.refreshed == []


def test_reconnected_account_and_restored_row_keep_their_tokens(keys: Keys):
    first = keys.expiring_account()
    again = keys.expiring_account(access_token="access-2")
    assert again.id == first.id
    assert keys.tokens(again) == ("access-2", "refresh-1")
    row = dict(keys.rows()[0]._mapping)
    with keys.db.transaction() as tx:
        tx.execute(sa.delete(social_accounts))
        tx.execute(sa.insert(social_accounts).values(row))
    assert keys.tokens(again) == ("access-2", "refresh-1")
