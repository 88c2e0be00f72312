"""Tests of SignatureVerifier: keys, claims, body hash and malformed tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from app.adapters.qstash_signature import SignatureVerifier
from app.domain.verifiers import BadSignature

CURRENT = "sig_current_0123456789abcdefghijkl"
NEXT = "sig_next_0123456789abcdefghijklmnop"
URL = "https://punctual.example/api/posts/dispatch"
BODY = '{"postId":"p1","text":"grüß"}'.encode()
NOW = datetime(2001, 9, 9, 1, 46, 40, 400_000, tzinfo=UTC)  # far from the system clock: only `now` may be used
T = int(NOW.timestamp())


def body_hash(body: bytes = BODY) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()


def claims(**changed: Any) -> dict[str, Any]:
    base = {
        "iss": "Upstash",
        "sub": URL,
        "aud": "",
        "iat": T,
        "nbf": T,
        "exp": T + 300,
        "jti": "j",
        "body": body_hash(),
    }
    return base | changed


def token(key: str = CURRENT, algorithm: str = "HS256", drop: str = "", **changed: Any) -> str:
    kept = {name: value for name, value in claims(**changed).items() if name != drop}
    return jwt.encode(kept, key, algorithm=algorithm)


def verify(signed: Any, body: bytes = BODY, url: str = URL, now: datetime = NOW, leeway: float = 10) -> bool:
    if not SignatureVerifier(CURRENT, NEXT, leeway).verify(signed, url, now).covers(body):
        raise BadSignature("the body is not the one that was signed")
    return True


@pytest.mark.parametrize("key", [CURRENT, NEXT])
def test_token_is_accepted_when_either_key_signed_it(key: str) -> None:
    assert verify(token(key))


def test_body_hash_is_accepted_with_and_without_padding() -> None:
    assert body_hash().endswith("=")
    assert verify(token(body=body_hash().rstrip("=")))


def test_nbf_zero_and_an_empty_body_are_accepted() -> None:
    assert verify(token(nbf=0, body=body_hash(b"")), body=b"")


@pytest.mark.parametrize("skew", [-310, -301, -1, 0, 1, 10])
def test_token_is_accepted_within_the_leeway(skew: int) -> None:
    """A small clock difference must not refuse a delivery. QStash's next try is 12 s later."""
    issued = T + skew
    assert verify(token(iat=issued, nbf=issued, exp=issued + 300 + 1))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"nbf": T + 11}, "nbf is 10.6 s ahead"),
        ({"iat": T + 11}, "iat is 10.6 s ahead"),
        ({"exp": T - 10}, "exp passed 10.4 s ago"),
        ({"exp": 0}, "exp passed"),
        ({"exp": "soon"}, "exp is not a time"),
        ({"exp": True}, "exp is not a time"),
        ({"exp": float("nan")}, "exp is not a time"),
        ({"exp": float("inf")}, "exp is not a time"),
        ({"exp": 10**400}, "exp is not a time"),
        ({"nbf": -(10**400)}, "nbf is not a time"),
        ({"iat": None}, "iat is not a time"),
        ({"iss": "upstash"}, "iss is not Upstash"),
        ({"sub": URL + "/"}, "sub is"),
        ({"sub": URL.replace("https", "http")}, "sub is"),
        ({"sub": [URL]}, "sub is"),
        ({"body": body_hash(b"other")}, "body is not the one"),
        ({"body": ""}, "body is not the one"),
        ({"body": 5}, "body is not the one"),
        ({"body": [body_hash()]}, "body is not the one"),
        ({"body": {"a": 1}}, "body is not the one"),
        ({"body": "ü\ud800"}, "body is not the one"),
    ],
)
def test_wrong_claim_is_refused_with_its_name(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadSignature, match=reason):
        verify(token(**changed))


@pytest.mark.parametrize("name", ["iss", "sub", "exp", "nbf", "body"])
def test_missing_claim_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(BadSignature, match=f"has no {name}"):
        verify(token(drop=name))
    with pytest.raises(BadSignature, match=f"has no {name}"):
        verify(jwt.PyJWS().encode(json.dumps({**claims(), name: None}).encode(), CURRENT, "HS256"))


def test_other_body_is_refused_and_the_hash_covers_raw_bytes() -> None:
    with pytest.raises(BadSignature):
        verify(token(), body=BODY + b" ")
    raw = b"\xff\x00 not text"
    assert verify(token(body=body_hash(raw)), body=raw)


def test_refusal_names_both_keys_when_both_fail() -> None:
    with pytest.raises(BadSignature) as caught:
        verify(token("x" * 40))
    assert "current key: Signature verification failed" in caught.value.reason
    assert "next key: Signature verification failed" in caught.value.reason


@pytest.mark.parametrize("empty", [None, ""])
def test_empty_key_verifies_no_token(empty: str | None) -> None:
    """Anyone can forge an HMAC with an empty key."""
    header, payload = token().split(".")[:2]
    mac = hmac.new(b"", f"{header}.{payload}".encode(), hashlib.sha256).digest()
    forged = f"{header}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    with pytest.raises(BadSignature, match="current key: is not set; next key: is not set"):
        SignatureVerifier(empty, empty).verify(forged, URL, NOW)
    assert SignatureVerifier(CURRENT, empty).verify(token(), URL, NOW).signed_at.timestamp() == T
    assert SignatureVerifier(empty, NEXT).verify(token(NEXT), URL, NOW).signed_at.timestamp() == T


@pytest.mark.parametrize(
    ("claims", "instant"), [({"iat": T + 8}, T + 8), ({"iat": T - 300}, T - 300), ({"iat": -1e10}, 0), ({"iat": 0}, 0)]
)
def test_verified_delivery_has_the_instant_of_its_signature(claims: dict[str, Any], instant: float) -> None:
    assert SignatureVerifier(CURRENT, NEXT).verify(token(**claims), URL, NOW).signed_at.timestamp() == instant


def test_verified_delivery_without_iat_has_the_instant_of_nbf() -> None:
    assert SignatureVerifier(CURRENT, NEXT).verify(token(drop="iat"), URL, NOW).signed_at.timestamp() == T


def test_other_algorithms_are_refused_with_the_right_key() -> None:
    none = jwt.encode({"iss": "Upstash"}, None, algorithm="none")  # type: ignore[arg-type]
    for signed in (none, token(CURRENT * 2, algorithm="HS512")):
        with pytest.raises(BadSignature, match="alg value is not allowed"):
            SignatureVerifier(CURRENT * 2, CURRENT * 2).verify(signed, URL, NOW)


def _segments(header: bytes, payload: bytes = b"{}") -> str:
    parts = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, b"sig"))
    return ".".join(parts)


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        "",
        "a",
        "a.b.c",
        "....",
        b"bytes.are.refused",
        7,
        "ü.ü.ü",
        "x" * 9000,
        _segments(b"[]"),
        _segments(b"null"),
        _segments(b'{"alg":["HS256"]}'),
        _segments(b'{"alg":"HS256","kid":5}'),
        _segments(b'{"alg":"HS256","b64":false,"crit":["b64"]}'),
        _segments(b'{"alg":"HS256","crit":["x"]}'),
        _segments(b"[" * 5000),
        _segments(b'{"alg":' + b"9" * 5000 + b"}"),
        jwt.encode({}, CURRENT, algorithm="HS256")[:-3],
        jwt.PyJWS().encode(b"[1]", CURRENT, "HS256"),
        jwt.PyJWS().encode(b"\xff", CURRENT, "HS256"),
        jwt.PyJWS().encode(json.dumps({"exp": 1}).encode()[:-1], CURRENT, "HS256"),
    ],
)
def test_malformed_token_raises_bad_signature_only(malformed: Any) -> None:
    with pytest.raises(BadSignature):
        verify(malformed)


def test_length_and_characters_are_checked_before_parsing() -> None:
    with pytest.raises(BadSignature, match="longer than 8192"):
        verify(token(padding="x" * 9000))
    with pytest.raises(BadSignature, match="characters that no token has"):
        verify(token() + "ü")


def test_refusal_contains_no_signing_key() -> None:
    with pytest.raises(BadSignature) as caught:
        verify(token("x" * 40))
    assert CURRENT not in str(caught.value)
    assert NEXT not in str(caught.value)
