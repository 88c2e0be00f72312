"""An OpenID Connect provider on loopback: discovery, keys and a token endpoint, each to be changed by a test."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.adapters.servers import HttpServer, Seen, http_server

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLIENT, SECRET, CODE = "punctual-console", "the-provider-knows-this-client-secret", "code-of-the-provider"


@dataclass
class Provider:
    """`document` and `claims` are changes to the discovery document and to the next ID token. None leaves one out."""

    server: HttpServer
    now: Callable[[], float]
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = KEY
    status: int = 200
    sent: list[dict[str, str]] = field(default_factory=list)  # to the token endpoint
    host: str = "127.0.0.1"  # or localhost, another site to a browser

    @property
    def issuer(self) -> str:
        return self.server.url.replace("127.0.0.1", self.host)

    def answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found = {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in names.items()}
            return self._json(self.status, found | self.document)
        if seen.path.startswith("/authorize?"):
            return self._let_in(dict(parse_qsl(urlsplit(seen.path).query)))
        if seen.path == "/keys":
            return self._json(200, {"keys": [json.loads(RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "k1"}]})
        return self._json(*self._token(seen))

    def _let_in(self, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Send the browser back at once, as for a person who is signed in already."""
        self.claims["nonce"] = asked["nonce"]
        back = urlencode({"code": CODE, "state": asked["state"], "iss": self.issuer})
        return 303, {"Location": f"{asked['redirect_uri']}?{back}"}, b""

    def _token(self, seen: Seen) -> tuple[int, dict[str, Any]]:
        form = dict(parse_qsl(seen.body.decode()))
        basic = seen.headers.get("authorization", "").removeprefix("Basic ")
        client, _, secret = base64.b64decode(basic).decode().partition(":")
        self.sent.append(form | ({"basic_client": client, "basic_secret": secret} if basic else {}))
        if form["code"] != CODE:
            return 400, {"error": "invalid_grant", "error_description": f"no such code: {form['code']}"}
        at = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "alice", "iat": at, "exp": at + 300} | self.claims
        kept = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(kept, self.key, "RS256", headers={"kid": "k1"})
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": token}

    def _json(self, status: int, value: Any) -> tuple[int, dict[str, str], bytes]:
        kept = {name: each for name, each in value.items() if each is not None}
        return status, {"Content-Type": "application/json"}, json.dumps(kept).encode()


@contextlib.contextmanager
def oidc_provider(now: Callable[[], float]) -> Iterator[Provider]:
    with http_server() as server:
        provider = Provider(server, now)
        server.answer = provider.answer
        yield provider
