"""Errors: their codes for programs, their texts for people, their reasons for the log."""

import pytest

from app.domain.errors import FieldError, Unavailable, invalid_field
from app.domain.ports import MessageServiceError
from app.domain.verifiers import BadSignature, BadToken, KeysUnavailable


def test_invalid_field_has_limit_and_actual():
    refusal = invalid_field("content", "text_too_long", "Shorten it.", 10, 12)
    assert (refusal.code, refusal.detail) == ("text_too_long", "Shorten it.")
    assert refusal.errors == [FieldError("content", "text_too_long", "Shorten it.", limit=10, actual=12)]


def test_refusal_prints_its_detail():
    assert str(invalid_field("content", "text_too_long", "Shorten it.")) == "Shorten it."


def test_unavailable_has_its_own_code_and_detail():
    refusal = Unavailable()
    assert (refusal.code, refusal.errors) == ("database_unavailable", [])
    assert refusal.detail == str(refusal) == "The database cannot be reached. Try again in a few seconds."
    assert Unavailable("Come back later.").detail == "Come back later."


def test_message_service_error_has_code_and_detail():
    error = MessageServiceError("unauthorized", "HTTP 401")
    assert (error.code, error.detail, str(error)) == ("unauthorized", "HTTP 401", "unauthorized: HTTP 401")


@pytest.mark.parametrize("kind", [BadToken, KeysUnavailable, BadSignature])
def test_verification_errors_keep_their_reason(kind: type[BadToken | KeysUnavailable | BadSignature]):
    failed = kind("the signature is another key's")
    assert failed.reason == str(failed) == "the signature is another key's"
