"""Tokens of callback addresses: signed, bound to one attempt of one post, and readable with a former secret."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.callback_tokens import LIFETIME, CallbackToken, read_callback_token, sign_callback
from app.domain.explanations.masking import mask

POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
LEASE_UNTIL = datetime(2026, 11, 2, 8, 8, 0, 900_000, tzinfo=UTC)
SECRET, OTHER = "the-workflow-knows-this-secret", "another-secret-of-the-workflow"
TOKEN = sign_callback(SECRET, POST_ID, 2, LEASE_UNTIL)
CONTENT, PROOF = TOKEN.rsplit(".", 1)


def test_token_names_its_post_attempt_and_end():
    end = (LEASE_UNTIL + LIFETIME).replace(microsecond=0)
    assert read_callback_token(TOKEN, (SECRET,)) == CallbackToken(POST_ID, 2, end)
    assert timedelta(days=7) <= LIFETIME


def test_token_verifies_with_any_of_the_secrets_and_with_no_other():
    assert read_callback_token(TOKEN, (OTHER, SECRET)) is not None
    assert read_callback_token(TOKEN, (None, SECRET)) is not None
    assert read_callback_token(TOKEN, (OTHER, None)) is None
    assert read_callback_token(TOKEN, ()) is None


def test_token_shows_nothing_of_the_secret_and_differs_for_each_attempt():
    others = {sign_callback(SECRET, POST_ID, attempt, LEASE_UNTIL).rsplit(".", 1)[1] for attempt in range(1, 50)}
    assert len(others) == 49
    assert SECRET not in TOKEN


@pytest.mark.parametrize(
    "forged",
    [
        "",
        ".",
        CONTENT,
        f"{CONTENT}.",
        f"{CONTENT}.{PROOF[:-1]}",
        f"{CONTENT}.{PROOF}0",
        f"{CONTENT}.{PROOF.upper()}",
        f"{CONTENT}.{'0' * 64}",
        f" {TOKEN}",
        f"{TOKEN}\n",
        f"{TOKEN}&",
        TOKEN.replace(".2.", ".3."),
        TOKEN.replace(".2.", ".02."),
        TOKEN.replace(".2.", ".\u0662."),
        TOKEN.replace(".2.", ".-2."),
        TOKEN.replace(".2.", ".0."),
        TOKEN.replace("0c5f", "0c5e"),
        TOKEN.upper(),
        f"{POST_ID}.2.99999999999.{PROOF}",
        f"{POST_ID}.{'9' * 5000}.1.{PROOF}",
        f"{POST_ID}.2.{'9' * 5000}.{PROOF}",
        "x" * 100_000,
        "\ud800",
    ],
    ids=range(23),
)
def test_changed_token_is_refused(forged: str):
    assert forged != TOKEN
    assert read_callback_token(forged, (SECRET, OTHER)) is None


def test_token_in_a_raw_error_is_masked():
    for text in (f"https://a.example/api/webhooks/claim?token={TOKEN}", f'{{"token": "{TOKEN}"}}', f"({TOKEN})"):
        assert PROOF not in mask(f"Request failed: {text} gave 500")
        assert "gave 500" in mask(f"Request failed: {text} gave 500")
