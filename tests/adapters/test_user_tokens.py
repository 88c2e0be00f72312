from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.adapters import jwks
from app.adapters.user_tokens import UserTokens
from app.domain.principal import Principal
from app.domain.verifiers import BadToken, KeysUnavailable
from app.settings.values import Settings
from tests.adapters.conftest import FrozenClock
from tests.adapters.servers import LOOPBACK, HttpServer, http_server, says

SECRET = "a-shared-secret-of-at-least-32-bytes"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())
KEY_SET = {
    "keys": [
        json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())) | {"kid": "rsa", "use": "sig", "alg": "RS256"},
        json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())) | {"kid": "ec"},
        json.loads(ECAlgorithm.to_jwk(STRANGER.public_key())) | {"kid": "enc", "use": "enc"},
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ", "kid": "oct", "alg": "HS256"},
    ]
}


def by_secret(clock: FrozenClock, **settings: Any) -> UserTokens:
    return UserTokens(Settings(auth_jwt_secret=SECRET, **settings), clock)


@pytest.fixture
def sign(clock: FrozenClock) -> Callable[..., str]:
    def make(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any) -> str:
        base = {"sub": "u1", "exp": int(clock.now().timestamp()) + 60} | claims
        kept = {name: value for name, value in base.items() if value is not ...}
        return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid} if kid else None)

    return make


class TestBySecret:
    def test_a_good_token_says_who_is_asking(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
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
    def test_a_wrong_claim_is_refused(
        self, claims: dict[str, Any], reason: str, clock: FrozenClock, sign: Callable[..., str]
    ) -> None:
        with pytest.raises(BadToken, match=reason):
            by_secret(clock).verify(sign(**claims))

    def test_time_is_the_clocks_with_ten_seconds_of_leeway(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        tokens, signed = by_secret(clock), sign()
        clock.at += timedelta(seconds=69)
        assert tokens.verify(signed) == Principal("u1")
        clock.at += timedelta(seconds=1)
        with pytest.raises(BadToken, match="exp passed"):
            tokens.verify(signed)

    def test_issuer_is_checked_where_it_is_set(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        assert by_secret(clock).verify(sign(iss="anybody")) == Principal("u1")
        tokens = by_secret(clock, auth_issuer="https://id.example")
        assert tokens.verify(sign(iss="https://id.example")) == Principal("u1")
        for wrong in ("https://id.example/", ["https://id.example"], None, ...):
            with pytest.raises(BadToken, match="iss"):
                tokens.verify(_raw(sign, iss=wrong))

    def test_audience_is_checked_where_it_is_set(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        assert by_secret(clock).verify(sign(aud="anybody")) == Principal("u1")
        tokens = by_secret(clock, auth_audience="punctual")
        assert tokens.verify(sign(aud="punctual")) == Principal("u1")
        assert tokens.verify(sign(aud=["other", "punctual"])) == Principal("u1")
        for wrong in ("punctual2", ["other"], {"punctual": 1}, 5, None, ...):
            with pytest.raises(BadToken, match="aud"):
                tokens.verify(sign(aud=wrong))

    @pytest.mark.parametrize("odd", [None, "", "a.b.c", b"a.b.c", 5, "ü.b.c", "x" * 9000])
    def test_odd_tokens_are_bad_tokens_and_nothing_else(self, odd: Any, clock: FrozenClock) -> None:
        with pytest.raises(BadToken):
            by_secret(clock).verify(odd)

    def test_other_signatures_are_refused(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        others = [
            sign("another-secret-of-at-least-32-bytes!"),
            sign(SECRET * 2, "HS512"),
            sign(RSA_KEY, "RS256", "rsa"),
            sign(None, "none"),
        ]
        for signed in others:
            with pytest.raises(BadToken):
                by_secret(clock).verify(signed)


def _raw(sign: Callable[..., str], **claims: Any) -> str:
    """PyJWT refuses to encode an issuer that is no string; a stranger does not."""
    signed = jwt.decode(sign(), options={"verify_signature": False})
    kept = {name: value for name, value in (signed | claims).items() if value is not ...}
    return jwt.PyJWS().encode(json.dumps(kept).encode(), SECRET, "HS256")


class TestIssue:
    def test_makes_a_token_that_we_accept(self, clock: FrozenClock) -> None:
        tokens = by_secret(clock, auth_issuer="https://id.example", auth_audience="punctual")
        assert tokens.verify(tokens.issue("u1")) == Principal("u1")
        assert tokens.verify(tokens.issue("u2", admin=True)) == Principal("u2", admin=True)

    def test_that_ends_when_it_should(self, clock: FrozenClock) -> None:
        tokens = by_secret(clock)
        signed = tokens.issue("u1", ttl_seconds=60)
        clock.at += timedelta(seconds=71)
        with pytest.raises(BadToken):
            tokens.verify(signed)

    def test_needs_the_shared_secret_and_a_user(self, clock: FrozenClock) -> None:
        with pytest.raises(ValueError, match="AUTH_JWT_SECRET is not set"):
            UserTokens(Settings(auth_jwks_url="https://id.example/jwks"), clock).issue("u1")
        with pytest.raises(ValueError, match="a user id is"):
            by_secret(clock).issue("")


@pytest.fixture
def provider() -> Iterator[HttpServer]:
    with http_server(says(200, KEY_SET)) as server:
        yield server


class TestByPublishedKeys:
    @pytest.fixture
    def tokens(self, provider: HttpServer, clock: FrozenClock) -> UserTokens:
        return UserTokens(Settings(auth_jwks_url=f"{provider.url}/jwks.json"), clock)

    def test_rs256_and_es256_are_accepted_and_the_keys_are_fetched_once(
        self, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
    ) -> None:
        for _ in range(3):
            assert tokens.verify(sign(RSA_KEY, "RS256", "rsa")) == Principal("u1")
            assert tokens.verify(sign(EC_KEY, "ES256", "ec")) == Principal("u1")
        assert len(provider.seen) == 1

    def test_an_hs256_token_is_never_checked_against_a_public_key(
        self, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
    ) -> None:
        pem = RSA_KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        header, payload = sign(kid="rsa").split(".")[:2]
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            f"{header}.{payload}".encode(), pem
        )
        forged = f"{header}.{payload}.{jwt.utils.base64url_encode(signature).decode()}"
        with pytest.raises(BadToken, match="another algorithm"):
            tokens.verify(forged)
        with pytest.raises(BadToken, match="another algorithm"):
            tokens.verify(sign("secret-secret-secret-secret-1234", kid="oct"))
        assert provider.seen == []

    def test_other_signatures_are_refused(self, tokens: UserTokens, sign: Callable[..., str]) -> None:
        others = [
            sign(STRANGER, "ES256", "ec"),
            sign(STRANGER, "ES256", "enc"),
            sign(EC_KEY, "ES256"),
            sign(EC_KEY, "ES256", "rsa"),
            sign(RSA_KEY, "RS256", "ec"),
            sign(RSA_KEY, "RS512", "rsa"),
            sign(None, "none", "rsa"),
            sign(SECRET),
        ]
        for signed in others:
            with pytest.raises(BadToken):
                tokens.verify(signed)

    def test_unknown_key_ids_do_not_make_us_hammer_the_provider(
        self, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
    ) -> None:
        for number in range(20):
            with pytest.raises(BadToken, match="Unable to find"):
                tokens.verify(sign(EC_KEY, "ES256", f"unknown-{number}"))
        assert len(provider.seen) == 1

    def test_a_new_key_is_found_after_the_pause(
        self, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
        provider.answer = says(200, {"keys": KEY_SET["keys"][:1]})
        with pytest.raises(BadToken):
            tokens.verify(sign(EC_KEY, "ES256", "ec"))
        provider.answer = says(200, KEY_SET)
        assert tokens.verify(sign(EC_KEY, "ES256", "ec")) == Principal("u1")

    @pytest.mark.parametrize("answer", [says(503, {}), says(200, []), says(200, {}), lambda _: (200, {}, b"<html>")])
    def test_an_outage_is_no_fault_of_the_caller_and_is_not_hammered_either(
        self, answer: Any, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
    ) -> None:
        provider.answer = answer
        for _ in range(5):
            with pytest.raises(KeysUnavailable, match="AUTH_JWKS_URL"):
                tokens.verify(sign(EC_KEY, "ES256", "ec"))
        assert len(provider.seen) == 1

    def test_known_keys_still_work_while_an_unknown_one_cannot_be_fetched(
        self, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good = sign(EC_KEY, "ES256", "ec")
        monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
        assert tokens.verify(good) == Principal("u1")
        provider.answer = says(503, {})
        with pytest.raises(KeysUnavailable):
            tokens.verify(sign(EC_KEY, "ES256", "unknown"))
        assert tokens.verify(good) == Principal("u1")

    def test_known_keys_do_not_queue_behind_a_fetch(
        self, tokens: UserTokens, sign: Callable[..., str], provider: HttpServer
    ) -> None:
        good = sign(EC_KEY, "ES256", "ec")
        tokens.verify(good)
        done = threading.Event()

        def verify() -> None:
            tokens.verify(good)
            done.set()

        with tokens._keys()._client_lock:  # as another request would hold it for a whole fetch
            threading.Thread(target=verify, daemon=True).start()
            assert done.wait(5)

    def test_a_provider_that_is_not_there_is_an_outage(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        tokens = UserTokens(Settings(auth_jwks_url=f"http://{LOOPBACK}:{port}"), clock)
        with pytest.raises(KeysUnavailable):
            tokens.verify(sign(EC_KEY, "ES256", "ec"))


def test_without_a_setting_nobody_can_be_judged(clock: FrozenClock, sign: Callable[..., str]) -> None:
    with pytest.raises(KeysUnavailable, match="neither AUTH_JWT_SECRET nor AUTH_JWKS_URL"):
        UserTokens(Settings(), clock).verify(sign())


def test_a_token_that_was_checked_is_not_checked_again_but_for_what_time_changes(
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


def test_a_token_that_was_refused_is_checked_again(clock: FrozenClock) -> None:
    tokens = by_secret(clock)
    broken = tokens.issue("alice")[:-3] + "abc"
    for _ in range(2):
        with pytest.raises(BadToken, match="Signature"):
            tokens.verify(broken)
    assert tokens._signed_by_secret.cache_info().currsize == 0
