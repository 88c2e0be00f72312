"""The ways of saying no: what a program reads, what a person reads, and what the log gets."""

import pytest

from app.domain.errors import FieldError, Unavailable, invalid_field
from app.domain.ports import MessageServiceError
from app.domain.verifiers import BadSignature, BadToken, KeysUnavailable


def test_a_wrong_field_is_named_with_its_bound_and_what_it_held():
    refusal = invalid_field("content", "text_too_long", "Shorten it.", 10, 12)
    assert (refusal.code, refusal.detail) == ("text_too_long", "Shorten it.")
    assert refusal.errors == [FieldError("content", "text_too_long", "Shorten it.", limit=10, actual=12)]


def test_a_refusal_says_its_sentence_wherever_it_is_printed():
    assert str(invalid_field("content", "text_too_long", "Shorten it.")) == "Shorten it."


def test_a_database_that_is_away_has_a_code_and_a_sentence_of_its_own():
    refusal = Unavailable()
    assert (refusal.code, refusal.errors) == ("database_unavailable", [])
    assert refusal.detail == str(refusal) == "The database cannot be reached. Try again in a few seconds."
    assert Unavailable("Come back later.").detail == "Come back later."


def test_what_the_message_service_says_no_with_is_a_code_and_a_text():
    error = MessageServiceError("unauthorized", "HTTP 401")
    assert (error.code, error.detail, str(error)) == ("unauthorized", "HTTP 401", "unauthorized: HTTP 401")


@pytest.mark.parametrize("kind", [BadToken, KeysUnavailable, BadSignature])
def test_a_proof_that_fails_keeps_its_reason_for_the_log(kind: type[BadToken | KeysUnavailable | BadSignature]):
    failed = kind("the signature is another key's")
    assert failed.reason == str(failed) == "the signature is another key's"
