"""Tokens of an identity provider, verified with its published keys from a real server."""

import base64
import hmac
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.adapters.servers import HttpServer, http_server, says
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import NOW, Caller, Site, json_of, refused

NOW_SECONDS = int(NOW.timestamp())
CLAIMS = {"sub": "alice", "exp": NOW_SECONDS + 3600}
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, Any] = {"RS256": RSA, "ES256": EC}


def published() -> dict[str, Any]:
    keys = [json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), json.loads(ECAlgorithm.to_jwk(EC.public_key()))]
    named = zip(keys, ("RS256", "ES256"), strict=True)
    return {"keys": [key | {"kid": name, "alg": name, "use": "sig"} for key, name in named]}


@pytest.fixture
def provider() -> Iterator[HttpServer]:
    with http_server(says(200, published())) as server:
        yield server


@pytest.fixture
def keyed_site(sqlite_url: str, make_site: MakeSite, provider: HttpServer) -> Site:
    return make_site(sqlite_url, auth_jwt_secret=None, auth_jwks_url=f"{provider.url}/jwks.json")


def base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def asking(site: Site, key: Any, algorithm: str, kid: str | None, **changes: Any) -> Any:
    token = jwt.encode(CLAIMS | changes, key, algorithm=algorithm, headers={"kid": kid} if kid else None)
    return Caller(site.client, {"Authorization": f"Bearer {token}"}).get("/api/posts")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_token_signed_by_a_published_key_is_valid_and_keys_are_fetched_once(
    keyed_site: Site, provider: HttpServer, algorithm: str
):
    for _ in range(3):
        json_of(asking(keyed_site, KEYS[algorithm], algorithm, algorithm))
    assert len(provider.seen) == 1


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (STRANGER, "ES256", "ES256"),
        (EC, "ES256", "RS256"),
        (RSA, "RS384", "RS256"),
        (STRANGER, "ES256", None),
        (EC, "ES256", "unknown"),
        (SECRETS["auth_jwt_secret"], "HS256", "RS256"),
        (SECRETS["auth_jwt_secret"], "HS256", None),
    ],
    ids=["stranger", "other-key", "other-algorithm", "stranger-no-kid", "unknown-kid", "HS256", "HS256-no-kid"],
)
def test_token_signed_by_an_unknown_key_is_refused(keyed_site: Site, key: Any, algorithm: str, kid: str | None):
    refused(asking(keyed_site, key, algorithm, kid), 401, "unauthorized")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_token_without_kid_is_verified_by_the_only_key_of_its_algorithm(
    keyed_site: Site, provider: HttpServer, algorithm: str
):
    for _ in range(2):
        json_of(asking(keyed_site, KEYS[algorithm], algorithm, None))
    assert len(provider.seen) == 1


@pytest.mark.parametrize(
    "left_out", [("kid",), ("kid", "alg"), ("kid", "use"), ("kid", "alg", "use")], ids=lambda names: "-".join(names)
)
def test_only_key_is_found_by_its_type_without_other_members(
    keyed_site: Site, provider: HttpServer, left_out: tuple[str, ...]
):
    keys = [{name: value for name, value in key.items() if name not in left_out} for key in published()["keys"]]
    provider.answer = says(200, {"keys": keys})
    for algorithm in ("RS256", "ES256"):
        json_of(asking(keyed_site, KEYS[algorithm], algorithm, None))


def test_token_without_kid_is_refused_where_several_keys_or_none_fit(keyed_site: Site, provider: HttpServer):
    rsa_key, ec_key = published()["keys"]
    stranger = json.loads(ECAlgorithm.to_jwk(STRANGER.public_key())) | {"kid": "other"}
    provider.answer = says(200, {"keys": [rsa_key, rsa_key | {"use": "enc"}, ec_key, stranger]})
    refused(asking(keyed_site, EC, "ES256", None), 401, "unauthorized")
    json_of(asking(keyed_site, RSA, "RS256", None))


def test_key_for_encryption_verifies_no_token_without_kid(keyed_site: Site, provider: HttpServer):
    provider.answer = says(200, {"keys": [published()["keys"][0] | {"use": "enc"}, published()["keys"][1]]})
    refused(asking(keyed_site, RSA, "RS256", None), 401, "unauthorized")


def test_hs256_with_the_public_key_is_refused(keyed_site: Site):
    """The known attack on JWTs: HS256 with the public key as the secret."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "typ": "JWT", "kid": "RS256"}, CLAIMS)
    text = b".".join(base64url(json.dumps(part).encode()) for part in parts)
    forged = b".".join([text, base64url(hmac.digest(public, text, "sha256"))]).decode()
    refused(Caller(keyed_site.client, {"Authorization": f"Bearer {forged}"}).get("/api/posts"), 401, "unauthorized")


def test_an_expired_token_of_the_provider_is_refused(keyed_site: Site):
    refused(asking(keyed_site, EC, "ES256", "ES256", exp=NOW_SECONDS - 11), 401, "unauthorized")


@pytest.mark.parametrize(
    "answer",
    [says(503, {}), says(200, {}), says(200, {"keys": []}), says(200, []), lambda _: (200, {}, b"<html>")],
    ids=["503", "no-keys", "empty", "a-list", "no-json"],
)
def test_unavailable_keys_answer_503(keyed_site: Site, provider: HttpServer, answer: Any):
    provider.answer = answer
    response = asking(keyed_site, EC, "ES256", "ES256")
    problem = refused(response, 503, "auth_unavailable")
    assert response.headers["Retry-After"].isdigit()
    assert "127.0.0.1" not in json.dumps(problem)
    assert keyed_site.events("auth.keys_unavailable")[0]["reason"].startswith("AUTH_JWKS_URL")
    asking(keyed_site, EC, "ES256", "ES256")
    assert len(provider.seen) == 1  # an outage does not make us hammer


def test_unreachable_provider_answers_503(sqlite_url: str, make_site: MakeSite):
    with http_server() as gone:
        url = gone.url
    site = make_site(sqlite_url, auth_jwt_secret=None, auth_jwks_url=f"{url}/jwks.json")
    refused(asking(site, EC, "ES256", "ES256"), 503, "auth_unavailable")
    refused(site.anonymous.get("/api/posts"), 401, "unauthorized")


def test_cached_keys_work_while_the_provider_is_down(keyed_site: Site, provider: HttpServer):
    json_of(asking(keyed_site, EC, "ES256", "ES256"))
    provider.answer = says(503, {})
    json_of(asking(keyed_site, RSA, "RS256", "RS256"))
