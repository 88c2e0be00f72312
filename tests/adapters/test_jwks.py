"""Tests of UserTokens with the provider's published keys (JWKS)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
from tests.adapters.conftest import SECRET, FrozenClock
from tests.adapters.servers import LOOPBACK, HttpServer, Seen, http_server, says
from tests.support.threads import TIMEOUT_SECONDS

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


@pytest.fixture
def provider() -> Iterator[HttpServer]:
    with http_server(says(200, KEY_SET)) as server:
        yield server


@pytest.fixture
def tokens(provider: HttpServer, clock: FrozenClock) -> UserTokens:
    return UserTokens(Settings(auth_jwks_url=f"{provider.url}/jwks.json"), clock)


def test_rs256_and_es256_are_accepted_with_one_fetch(
    tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
) -> None:
    for _ in range(3):
        assert tokens.verify(sign(RSA_KEY, "RS256", "rsa")) == Principal("u1")
        assert tokens.verify(sign(EC_KEY, "ES256", "ec")) == Principal("u1")
    assert len(provider.seen) == 1


def test_hs256_token_is_refused_without_a_fetch(
    tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
) -> None:
    pem = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
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


def test_token_of_another_key_or_algorithm_is_refused(tokens: UserTokens, sign: Callable[..., str]) -> None:
    others = [
        sign(STRANGER, "ES256", "ec"),
        sign(STRANGER, "ES256", "enc"),
        sign(STRANGER, "ES256"),
        sign(EC_KEY, "ES256", "rsa"),
        sign(RSA_KEY, "RS256", "ec"),
        sign(RSA_KEY, "RS512", "rsa"),
        sign(None, "none", "rsa"),
        sign(SECRET),
    ]
    for signed in others:
        with pytest.raises(BadToken):
            tokens.verify(signed)


def test_unknown_key_ids_cause_one_fetch(tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]) -> None:
    for number in range(20):
        with pytest.raises(BadToken, match="Unable to find"):
            tokens.verify(sign(EC_KEY, "ES256", f"unknown-{number}"))
    assert len(provider.seen) == 1


def test_new_key_is_found_after_the_pause(
    tokens: UserTokens, provider: HttpServer, sign: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
    provider.answer = says(200, {"keys": KEY_SET["keys"][:1]})
    with pytest.raises(BadToken):
        tokens.verify(sign(EC_KEY, "ES256", "ec"))
    provider.answer = says(200, KEY_SET)
    assert tokens.verify(sign(EC_KEY, "ES256", "ec")) == Principal("u1")


@pytest.mark.parametrize("answer", [says(503, {}), says(200, []), says(200, {}), lambda _: (200, {}, b"<html>")])
def test_outage_raises_keys_unavailable_and_causes_one_fetch(
    answer: Any, tokens: UserTokens, provider: HttpServer, sign: Callable[..., str]
) -> None:
    provider.answer = answer
    for _ in range(5):
        with pytest.raises(KeysUnavailable, match="AUTH_JWKS_URL"):
            tokens.verify(sign(EC_KEY, "ES256", "ec"))
    assert len(provider.seen) == 1


def test_known_key_works_when_a_fetch_fails(
    tokens: UserTokens, provider: HttpServer, sign: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = sign(EC_KEY, "ES256", "ec")
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
    assert tokens.verify(good) == Principal("u1")
    provider.answer = says(503, {})
    with pytest.raises(KeysUnavailable):
        tokens.verify(sign(EC_KEY, "ES256", "unknown"))
    assert tokens.verify(good) == Principal("u1")


def test_known_key_works_while_another_request_fetches(
    tokens: UserTokens, sign: Callable[..., str], provider: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
    patient = jwks.JwksClient(f"{provider.url}/jwks.json", timeout=2 * TIMEOUT_SECONDS)
    monkeypatch.setattr(tokens, "_jwks_client", patient)  # the held fetch must not time out on a busy machine
    good = sign(EC_KEY, "ES256", "ec")
    tokens.verify(good)
    fetching, proceed = threading.Event(), threading.Event()

    def answer_late(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        fetching.set()
        proceed.wait(TIMEOUT_SECONDS)
        return says(200, KEY_SET)(seen)

    provider.answer = answer_late
    with ThreadPoolExecutor(1) as pool:
        fetch = pool.submit(tokens.verify, sign(EC_KEY, "ES256", "unknown"))
        try:
            assert fetching.wait(TIMEOUT_SECONDS)
            assert tokens.verify(good) == Principal("u1")
            assert not fetch.done()
        finally:
            proceed.set()
        assert isinstance(fetch.exception(TIMEOUT_SECONDS), BadToken)


def test_refused_connection_raises_keys_unavailable(clock: FrozenClock, sign: Callable[..., str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as closed:
        port = closed.getsockname()[1]
    tokens = UserTokens(Settings(auth_jwks_url=f"http://{LOOPBACK}:{port}"), clock)
    with pytest.raises(KeysUnavailable):
        tokens.verify(sign(EC_KEY, "ES256", "ec"))


@pytest.mark.parametrize("seconds", [jwks.LIFESPAN_SECONDS + 1, 86_400.0, -3600.0])
def test_keys_from_before_a_suspension_or_a_clock_step_are_fetched_again(
    tokens: UserTokens,
    provider: HttpServer,
    sign: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    tokens.verify(sign(RSA_KEY, "RS256", "rsa"))
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + seconds)
    for _ in range(2):
        tokens.verify(sign(RSA_KEY, "RS256", "rsa"))
    assert len(provider.seen) == 2
