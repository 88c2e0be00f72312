"""Tests of the tokens' type, lifetime and former secret, with the shared secret and with published keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from app.adapters.user_tokens import UserTokens
from app.domain.principal import Principal
from app.domain.verifiers import BadToken
from app.settings.values import Settings
from tests.adapters.conftest import SECRET, FrozenClock
from tests.adapters.servers import http_server

KEY = ec.generate_private_key(ec.SECP256R1())
FORMER = "the-former-secret-of-32-bytes-or-more"
DAY = 86_400
Verify = Callable[..., Principal]


@pytest.fixture(params=["secret", "published keys"])
def verify(request: pytest.FixtureRequest, clock: FrozenClock) -> Iterator[Verify]:
    """Return a function that signs claims and verifies the token, with `typ` in its header where given."""
    published = {"keys": [ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "k", "use": "sig"}]}
    body = json.dumps(published).encode()
    with http_server(lambda _: (200, {"Content-Type": "application/json"}, body)) as provider:
        way: dict[str, Any] = {"auth_jwt_secret": SECRET, "auth_jwt_secret_previous": FORMER}
        key: Any = SECRET
        if request.param != "secret":
            way, key = {"auth_jwks_url": f"{provider.url}/jwks.json"}, KEY

        def run(typ: Any = ..., settings: dict[str, Any] | None = None, **claims: Any) -> Principal:
            header = {"alg": "HS256" if key is SECRET else "ES256", "kid": "k"} | ({} if typ is ... else {"typ": typ})
            content = {"sub": "u1", "exp": clock.now().timestamp() + 60} | claims
            kept = {name: value for name, value in content.items() if value is not ...}
            return UserTokens(Settings(**way, **(settings or {})), clock).verify(signed(header, kept, key))

        yield run


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    """Sign any header. PyJWT would change the type."""
    algorithm = jwt.get_algorithm_by_name(header["alg"])
    parts = [jwt.utils.base64url_encode(json.dumps(part).encode()) for part in (header, claims)]
    signature = algorithm.sign(b".".join(parts), algorithm.prepare_key(key))
    return b".".join([*parts, jwt.utils.base64url_encode(signature)]).decode()


@pytest.mark.parametrize("typ", [..., "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"])
def test_token_of_an_access_type_is_accepted(verify: Verify, typ: Any) -> None:
    assert verify(typ) == Principal("u1")


@pytest.mark.parametrize(
    "typ",
    ["", "logout+jwt", "dpop+jwt", "secevent+jwt", "id_token", "JOSE", "JWTx", "application/", 5, None, ["JWT"], True],
)
def test_token_of_another_type_is_refused(verify: Verify, typ: Any) -> None:
    with pytest.raises(BadToken, match=r"typ is not JWT or at\+jwt"):
        verify(typ)


@pytest.mark.parametrize(
    ("issued", "ends", "accepted"),
    [
        (0, 31 * DAY, True),
        (0, 31 * DAY + 1, False),
        (-30 * DAY, DAY, True),
        (-30 * DAY, DAY + 0.5, False),
        (-365 * DAY, 60, False),
        (..., 31 * DAY, True),
        (..., 31 * DAY + 11, False),
        (..., 10 * 365 * DAY, False),
    ],
)
def test_token_lives_at_most_31_days(
    verify: Verify, clock: FrozenClock, issued: Any, ends: float, accepted: bool
) -> None:
    now = clock.now().timestamp()
    claims = {"iat": issued if issued is ... else now + issued, "exp": now + ends}
    if accepted:
        assert verify(**claims) == Principal("u1")
        return
    with pytest.raises(BadToken, match=r"longer than MAX_TOKEN_LIFETIME_SECONDS \(2678400\)"):
        verify(**claims)


def test_longest_lifetime_is_a_setting(verify: Verify, clock: FrozenClock) -> None:
    now = clock.now().timestamp()
    assert verify(settings={"max_token_lifetime_seconds": 90.0}, iat=now, exp=now + 90) == Principal("u1")
    with pytest.raises(BadToken, match="longer than MAX_TOKEN_LIFETIME_SECONDS"):
        verify(settings={"max_token_lifetime_seconds": 90.0}, iat=now, exp=now + 91)


def test_token_without_an_end_is_refused(verify: Verify) -> None:
    with pytest.raises(BadToken, match="no exp"):
        verify(exp=...)


def test_issued_token_lives_no_longer_than_the_setting(clock: FrozenClock) -> None:
    tokens = UserTokens(Settings(auth_jwt_secret=SECRET, max_token_lifetime_seconds=60.0), clock)
    token = tokens.issue("u1", ttl_seconds=10 * 365 * DAY)
    assert tokens.verify(token) == Principal("u1")
    clock.at += timedelta(seconds=71)
    with pytest.raises(BadToken, match="exp passed"):
        tokens.verify(token)


class TestFormerSecret:
    def test_former_secret_is_accepted_beside_the_new_one(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        tokens = UserTokens(Settings(auth_jwt_secret=SECRET, auth_jwt_secret_previous=FORMER), clock)
        assert tokens.verify(sign(SECRET)) == tokens.verify(sign(FORMER)) == Principal("u1")
        assert UserTokens(Settings(auth_jwt_secret=SECRET), clock).verify(tokens.issue("u1")) == Principal("u1")

    def test_token_of_the_former_secret_passes_the_same_checks(
        self, clock: FrozenClock, sign: Callable[..., str]
    ) -> None:
        settings = Settings(auth_jwt_secret=SECRET, auth_jwt_secret_previous=FORMER, auth_issuer="https://id.example")
        tokens = UserTokens(settings, clock)
        for claims in ({}, {"iss": "https://other.example"}, {"iss": "https://id.example", "exp": 1}):
            with pytest.raises(BadToken, match=r"iss|exp"):
                tokens.verify(sign(FORMER, **claims))

    def test_removed_or_third_secret_is_refused(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        for former in (None, FORMER):
            tokens = UserTokens(Settings(auth_jwt_secret=SECRET, auth_jwt_secret_previous=former), clock)
            with pytest.raises(BadToken, match="Signature"):
                tokens.verify(sign("a-third-secret-of-at-least-32-bytes"))
        with pytest.raises(BadToken, match="Signature"):
            UserTokens(Settings(auth_jwt_secret=SECRET), clock).verify(sign(FORMER))

    def test_former_secret_alone_opens_nothing(self, clock: FrozenClock, sign: Callable[..., str]) -> None:
        tokens = UserTokens(Settings(auth_jwt_secret_previous=FORMER, auth_jwks_url="http://127.0.0.1:1/jwks"), clock)
        with pytest.raises(BadToken):
            tokens.verify(sign(FORMER))
