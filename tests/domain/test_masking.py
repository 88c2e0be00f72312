"""Stored error texts keep the details for operators but no secrets."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.explanations.masking import MASK, mask
from app.domain.outcomes import MAX_ERROR_TEXT, Outcome, Report, mask_and_truncate
from app.domain.reports import read_report

BODY = "Zx9_" * 12


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        ("sent Bearer abcdefgh to it", "sent Bearer *** to it"),
        ("no Bearer token given", "no Bearer token given"),
        (
            "https://graph.facebook.com/me?access_token=EAAB1&fields=id",
            "https://graph.facebook.com/me?access_token=***&fields=id",
        ),
        ('{"access_token": "secret", "code": 190}', '{"access_token": "***", "code": 190}'),
        ('{\\"accessToken\\":\\"secret\\"}', '{\\"accessToken\\":\\"***\\"}'),
        ("access_token%3Dsecret", "access_token%3D***"),
        ("client_secret='s3cret'", "client_secret='***'"),
        ("X-Api-Key: 12345", "X-Api-Key: ***"),
        ("token EAA" + "Bz" * 20 + " expired", "token *** expired"),
        ("redirect%3DEAA" + "Bz" * 20, "redirect%3D***"),
        (f"AQ{BODY} is revoked", "*** is revoked"),
        (f"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{BODY}", "jwt ***"),
        ("https://ann:pw@host/path", "https://***@host/path"),
        ("EXPIRED_ACCESS_TOKEN: the token has expired", "EXPIRED_ACCESS_TOKEN: the token has expired"),
        (
            "Content is a duplicate of urn:li:share:7123456789012345678",
            "Content is a duplicate of urn:li:share:7123456789012345678",
        ),
        ("AQ is short, eyJ too", "AQ is short, eyJ too"),
    ],
)
def test_secrets_are_masked_and_the_rest_is_kept(text: str, kept: str):
    assert mask(text) == kept
    assert mask(kept) == kept


letters = st.text(alphabet=string.ascii_letters + string.digits, min_size=30, max_size=80)
tokens = st.one_of(
    letters.map("EAA".__add__),
    letters.map("IGQV".__add__),
    letters.map("IGAA".__add__),
    letters.map("AQ".__add__),
    st.tuples(letters, letters, letters).map(lambda parts: f"eyJ{parts[0]}.eyJ{parts[1]}.{parts[2]}"),
)
carriers = st.sampled_from(
    [
        "{}",
        "Bearer {}",
        "access_token={}&x=1",
        '{{"accessToken":"{}"}}',
        "({})",
        "https://host/path/{}?a=b",
        "a%3D{}",
        '{{\\"token\\": \\"{}\\"}}',
        "<{}>",
        "line\n{}\nline",
    ]
)


@given(st.text(max_size=20), carriers, tokens, st.text(max_size=20))
def test_tokens_are_masked_in_any_context(before: str, carrier: str, token: str, after: str):
    kept = mask_and_truncate(f"{before} {carrier.format(token)} {after}")
    assert all(token[at : at + 24] not in kept for at in range(0, len(token) - 24, 4))
    report = Report("post", False, error=f"{before} {carrier.format(token)}", http_status=500)
    assert token not in (read_report(report).detail or "")


@given(st.text(alphabet=string.ascii_letters + string.digits + "_-.", min_size=8, max_size=60), st.sampled_from("= :"))
def test_any_value_after_a_secrets_name_is_masked(secret: str, between: str):
    name = f"client_secret{'=' if between == ' ' else between}"
    assert mask(f"a {name}{secret} b") == f"a {name}{MASK} b"


pieces = st.sampled_from(
    [
        "Bearer ",
        "access_token",
        "=",
        ":",
        "EAA",
        "AQ",
        "eyJ",
        ".",
        "a",
        "\\",
        '"',
        "://",
        "@",
        " ",
        "%3D",
        "\0",
        "\ud800",
    ]
)


@given(
    st.lists(pieces, max_size=300).map("".join) | st.text(alphabet=st.characters() | st.characters(categories=["Cs"]))
)
def test_any_text_is_masked_and_truncated_without_an_error(text: str):
    kept = mask_and_truncate(text)
    assert len(kept) <= MAX_ERROR_TEXT
    assert "\0" not in kept
    kept.encode()
    assert read_report(Report("post", False, error=text)).outcome in Outcome


@pytest.mark.parametrize(
    "piece",
    [
        "\\",
        "A",
        "eyJ",
        "EAA",
        "access_token",
        "access_token ",
        "Bearer ",
        "://",
        "x-a-",
        '"code"',
        '\\"code\\":',
        "(#1",
    ],
)
def test_hostile_text_is_masked_quickly(piece: str):
    text = piece * (64 * 1024 // len(piece))
    began = time.process_time()
    read_report(Report("post", False, error=text))
    assert time.process_time() - began < 2
