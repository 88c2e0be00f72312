"""The form of sessions: only the key that wrote one reads it, and no text is read as another user's."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from app.domain.principal import is_user_id
from app.domain.sessions import LIFETIME, MAX_LENGTH, Session, begin_session, read_session, session_key, write_session

NOW = dt.datetime(2026, 11, 2, 8, 0, 0, 900_000, dt.UTC)
KEY = session_key("secret", ("issuer", None, "https://punctual.test"))
USERS = st.text(st.sampled_from('aZ0@:/|-"\\é漢😀'), min_size=1, max_size=255).filter(is_user_id)


@given(USERS, st.booleans(), st.integers(0, 4_000_000_000))
def test_session_is_read_as_written_and_fits_into_a_cookie(user: str, admin: bool, ends: int):
    session = Session(user, admin, dt.datetime.fromtimestamp(ends, dt.UTC))
    text = write_session(session, KEY)
    assert len(text) <= MAX_LENGTH
    assert read_session(text, KEY) == session
    assert read_session(text, session_key("other", ("issuer", None, "https://punctual.test"))) is None


@given(st.text(max_size=200))
def test_text_that_was_not_signed_is_no_session(text: str):
    assert read_session(text, KEY) is None


@given(st.data())
def test_altered_session_is_none(data: st.DataObject):
    text = write_session(Session("alice", False, NOW), KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda char: char != text[place]))
    assert read_session(text[:place] + other + text[place + 1 :], KEY) is None


def test_parts_of_a_scope_cannot_be_moved_into_each_other():
    scopes = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", None), (None, "abc"), ("abc", "")]
    assert len({session_key("secret", scope) for scope in scopes}) == len(scopes)


def test_session_ends_with_its_token_and_after_twelve_hours_at_the_latest():
    minute = dt.timedelta(minutes=1)
    assert begin_session("alice", False, NOW + minute, NOW).expires_at == (NOW + minute).replace(microsecond=0)
    assert begin_session("alice", False, NOW + 2 * LIFETIME, NOW).expires_at == (NOW + LIFETIME).replace(microsecond=0)
