"""A thread that waits for another machine holds no turn, so a slow LinkedIn or QStash keeps nobody from working."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.jwks import JwksClient
from app.adapters.media import HttpMediaCheck
from app.domain.turns import Turns, holding
from tests.adapters.qstash_fixtures import alarm, messages
from tests.adapters.servers import HttpServer, Seen, http_server
from tests.adapters.test_jwks import KEY_SET, RSA_KEY
from tests.adapters.test_linkedin import CALLS, linkedin_at

ANSWERS: dict[str, Any] = {"messageId": "msg_1", "access_token": "a", "expires_in": 3600, "sub": "abc", **KEY_SET}


def check_media(server: HttpServer) -> None:
    assert HttpMediaCheck(allow_loopback=True).look([f"{server.url}/a.png"], 5.0) == ["fine"]


def fetch_keys(server: HttpServer, sign: Callable[..., str]) -> None:
    JwksClient(f"{server.url}/jwks.json").key_for(sign(RSA_KEY, "RS256", "rsa"), ["RS256"])


@pytest.mark.parametrize("call", ["qstash", "media", "keys", *CALLS])
def test_no_turn_is_held_while_another_machine_answers(call: str, sign: Callable[..., str]):
    turns, taken = Turns(1, 1), list[int]()

    def answer(_seen: Seen) -> tuple[int, dict[str, str], bytes]:
        taken.append(turns.taken)
        return 200, {"Content-Type": "application/json"}, json.dumps(ANSWERS).encode()

    with http_server(answer) as server, holding(turns, "ann"):
        if call == "qstash":
            messages(server.url).publish(alarm())
        elif call == "media":
            check_media(server)
        elif call == "keys":
            fetch_keys(server, sign)
        else:
            CALLS[call](linkedin_at(server.url))
        assert turns.taken == 1
    assert set(taken) == {0}
