"""Tests of UserTokens with the shared secret: verifying, issuing and caching."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.adapters.user_tokens import UserTokens
from app.domain.principal import Principal
from app.domain.verifiers import BadToken, KeysUnavailable
from app.settings.values import Settings
from tests.adapters.conftest import SECRET, FrozenClock

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def by_secret(clock: FrozenClock, **settings: Any) -> UserTokens:
    return UserTokens(Settings(auth_jwt_secret=SECRET, **settings), clock)


class TestBySecret:
    def test_valid_token_returns_its_user(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        assert by_secret(clock).verify(sign()) == Principal("u1", admin=False)
        assert by_secret(clock).verify(sign(role="admin")) == Principal("u1", admin=True)

    @pytest.mark.parametrize("role", ["user", "Admin", True, ["admin"], None, {"admin": 1}])
    def test_only_the_exact_role_makes_an_admin(self, role: Any, clock: FrozenClock, sign: Callable[..., str]) -> None:
        assert by_secret(clock).verify(sign(role=role)).admin is False

    @pytest.mark.parametrize(
        ("claims", "reason"),
        [
            ({"sub": ...}, "sub is not a user id"),
            ({"sub": ""}, "sub is not a user id"),
            ({"sub": 7}, "sub is not a user id"),
            ({"sub": "x" * 256}, "sub is not a user id"),
            ({"sub": "a\nb"}, "sub is not a user id"),
            ({"sub": "a\x00"}, "sub is not a user id"),
            ({"sub": " u1"}, "sub is not a user id"),
            ({"exp": ...}, "no exp"),
            ({"exp": None}, "no exp"),
            ({"exp": "never"}, "exp is not a time"),
            ({"exp": 10**30}, "exp is not a time"),
            ({"exp": 1}, "exp passed"),
            ({"nbf": 9_999_999_999}, "nbf is"),
            ({"iat": 9_999_999_999}, "iat is"),
        ],
    )
    def test_wrong_claim_is_refused(
        self, claims: dict[str, Any], reason: str, clock: FrozenClock, sign: Callable[..., str]
    ) -> None:
        with pytest.raises(BadToken, match=reason):
            by_secret(clock).verify(sign(**claims))

    def test_expiry_has_ten_seconds_leeway_on_the_clock(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        tokens, signed = by_secret(clock), sign()
        clock.at += timedelta(seconds=69)
        assert tokens.verify(signed) == Principal("u1")
        clock.at += timedelta(seconds=1)
        with pytest.raises(BadToken, match="exp passed"):
            tokens.verify(signed)

    def test_issuer_is_checked_when_set(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        assert by_secret(clock).verify(sign(iss="anybody")) == Principal("u1")
        tokens = by_secret(clock, auth_issuer="https://id.example")
        assert tokens.verify(sign(iss="https://id.example")) == Principal("u1")
        for wrong in ("https://id.example/", ["https://id.example"], None, ...):
            with pytest.raises(BadToken, match="iss"):
                tokens.verify(encode_unchecked(sign, iss=wrong))

    def test_audience_is_checked_when_set(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        assert by_secret(clock).verify(sign(aud="anybody")) == Principal("u1")
        tokens = by_secret(clock, auth_audience="punctual")
        assert tokens.verify(sign(aud="punctual")) == Principal("u1")
        assert tokens.verify(sign(aud=["other", "punctual"])) == Principal("u1")
        for wrong in ("punctual2", ["other"], {"punctual": 1}, 5, None, ...):
            with pytest.raises(BadToken, match="aud"):
                tokens.verify(sign(aud=wrong))

    @pytest.mark.parametrize("malformed", [None, "", "a.b.c", b"a.b.c", 5, "ü.b.c", "x" * 9000])
    def test_malformed_token_raises_bad_token_only(self, malformed: Any, clock: FrozenClock) -> None:
        with pytest.raises(BadToken):
            by_secret(clock).verify(malformed)

    def test_token_of_another_key_or_algorithm_is_refused(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        others = [
            sign("another-secret-of-at-least-32-bytes!"),
            sign(SECRET * 2, "HS512"),
            sign(RSA_KEY, "RS256", "rsa"),
            sign(None, "none"),
        ]
        for signed in others:
            with pytest.raises(BadToken):
                by_secret(clock).verify(signed)


def encode_unchecked(sign: Callable[..., str], **claims: Any) -> str:
    """Encode any issuer. PyJWT refuses one with another type than str."""
    signed = jwt.decode(sign(), options={"verify_signature": False})
    kept = {name: value for name, value in (signed | claims).items() if value is not ...}
    return jwt.PyJWS().encode(json.dumps(kept).encode(), SECRET, "HS256")


class TestIssue:
    def test_issued_token_is_accepted(self, clock: FrozenClock) -> None:
        tokens = by_secret(clock, auth_issuer="https://id.example", auth_audience="punctual")
        assert tokens.verify(tokens.issue("u1")) == Principal("u1")
        assert tokens.verify(tokens.issue("u2", admin=True)) == Principal("u2", admin=True)

    def test_issued_token_expires_after_its_ttl(self, clock: FrozenClock) -> None:
        tokens = by_secret(clock)
        signed = tokens.issue("u1", ttl_seconds=60)
        clock.at += timedelta(seconds=71)
        with pytest.raises(BadToken):
            tokens.verify(signed)

    def test_issue_requires_the_secret_and_a_user_id(self, clock: FrozenClock) -> None:
        with pytest.raises(ValueError, match="AUTH_JWT_SECRET is not set"):
            UserTokens(Settings(auth_jwks_url="https://id.example/jwks"), clock).issue("u1")
        with pytest.raises(ValueError, match="a user id is"):
            by_secret(clock).issue("")


def test_verify_raises_keys_unavailable_without_settings(clock: FrozenClock, sign: Callable[..., str]) -> None:
    with pytest.raises(KeysUnavailable, match="neither AUTH_JWT_SECRET nor AUTH_JWKS_URL"):
        UserTokens(Settings(), clock).verify(sign())


def test_signature_is_cached_but_expiry_is_checked_each_time(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = by_secret(clock)
    token = tokens.issue("alice", ttl_seconds=60)
    decode = mock.Mock(wraps=jwt.decode)
    monkeypatch.setattr(jwt, "decode", decode)
    assert {tokens.verify(token).user_id for _ in range(3)} == {"alice"}
    assert decode.call_count == 1
    clock.at += timedelta(seconds=90)
    for _ in range(2):
        with pytest.raises(BadToken, match="exp passed"):
            tokens.verify(token)


def test_refused_token_is_not_cached(clock: FrozenClock) -> None:
    tokens = by_secret(clock)
    broken = tokens.issue("alice")[:-3] + "abc"
    for _ in range(2):
        with pytest.raises(BadToken, match="Signature"):
            tokens.verify(broken)
    assert tokens._signed_by_secret.cache_info().currsize == 0
