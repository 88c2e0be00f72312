"""The LinkedIn stand-in answers as LinkedIn's documentation says, and fails on request."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.local.linkedin.signing import Signer, challenge_of
from tests.local.support import DEADLINE_SECONDS, Program, running, spawn

CLIENT = {"client_id": "app", "client_secret": "secret-of-the-app"}
CALLBACK = "http://127.0.0.1:1/callback"
VERIFIER = "v" * 43
ASK = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "state": "s 1&x",
    "scope": "openid profile",
}
CHALLENGE = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
ENVIRONMENT = {"LINKEDIN_CLIENT_ID": "app", "LINKEDIN_CLIENT_SECRET": "secret-of-the-app"}


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with running("app.local.linkedin", "--port", "0", "--redirect-uri", CALLBACK, **ENVIRONMENT) as started:
        yield started


class Member:
    """A member on the consent page, and the calls of the app."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, **changes: str | None) -> requests.Response:
        query = {name: value for name, value in (ASK | CHALLENGE | changes).items() if value is not None}
        return requests.get(f"{self.url}/oauth/v2/authorization", query, allow_redirects=False, timeout=10)

    def decide(self, decision: str = "allow", name: str = "Ada") -> dict[str, list[str]]:
        found = re.search(r'name="ticket" value="([^"]+)"', self.ask().text)
        assert found
        form = {"ticket": unescape(found.group(1)), "member": name, "decision": decision}
        answer = requests.post(f"{self.url}/oauth/v2/authorization", form, allow_redirects=False, timeout=10)
        return sent_back(answer)

    def code(self, name: str = "Ada") -> str:
        return self.decide(name=name)["code"][0]

    def token(self, **form: str) -> requests.Response:
        return requests.post(f"{self.url}/oauth/v2/accessToken", CLIENT | form, timeout=10)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.token(**(form | changes))

    def tokens(self, name: str = "Ada") -> dict[str, Any]:
        answer = self.exchange(self.code(name=name))
        assert answer.ok, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, token: str) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def userinfo(self, token: str) -> requests.Response:
        return requests.get(f"{self.url}/v2/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=10)

    def fault(self, do: str, **more: Any) -> requests.Response:
        return requests.post(f"{self.url}/_local/faults", json={"do": do, **more}, timeout=10)


def sent_back(answer: requests.Response) -> dict[str, list[str]]:
    assert answer.status_code == 302, answer.text
    location = urlsplit(answer.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == CALLBACK
    return parse_qs(location.query)


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.fixture
def member(program: Program) -> Iterator[Member]:
    yield Member(program.url)
    requests.delete(f"{program.url}/_local/faults", timeout=10)


def test_allow_redirects_with_a_code_and_the_state(member: Member) -> None:
    back = member.decide("allow")
    assert set(back) == {"code", "state"}
    assert back["state"] == ["s 1&x"]


def test_cancel_redirects_with_linkedins_error(member: Member) -> None:
    back = member.decide("deny")
    assert (back["error"], back["state"]) == (["user_cancelled_authorize"], ["s 1&x"])
    assert "code" not in back


@pytest.mark.parametrize("changes", [{"client_id": "other"}, {"redirect_uri": "https://evil.test/"}])
def test_an_unregistered_client_or_redirect_uri_answers_400_without_a_redirect(
    member: Member, changes: dict[str, str]
) -> None:
    answer = member.ask(**changes)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": None}, "unauthorized_scope_error"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_an_invalid_authorization_request_redirects_with_the_error(
    member: Member, changes: dict[str, str | None], error: str
) -> None:
    assert sent_back(member.ask(**changes))["error"] == [error]


def test_the_consent_page_escapes_the_scopes(member: Member) -> None:
    assert "<script>" not in member.ask(scope="<script>").text


def test_a_forged_ticket_is_refused(member: Member) -> None:
    forged = Signer("another secret").make("ticket", **ASK)
    for ticket in ("", "x.y", forged):
        answer = requests.post(f"{member.url}/oauth/v2/authorization", {"ticket": ticket}, timeout=10)
        assert answer.status_code == 400


def test_the_token_answer_has_linkedins_fields(member: Member) -> None:
    tokens = member.tokens()
    assert set(tokens) == {
        *("access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope", "token_type")
    }
    assert tokens["expires_in"] in range(5_183_990, 5_184_001)
    assert tokens["refresh_token_expires_in"] in range(31_535_990, 31_536_001)
    assert (tokens["scope"], tokens["token_type"]) == ("openid,profile", "Bearer")


def test_a_code_is_valid_once_for_its_verifier_redirect_uri_and_client(member: Member) -> None:
    code = member.code()
    assert refusal(member.exchange(code, code_verifier="w" * 43)) == (400, "invalid_request")
    assert refusal(member.exchange(code, redirect_uri="http://127.0.0.1:1/other")) == (400, "invalid_request")
    assert refusal(member.exchange(code, client_secret="wrong")) == (401, "invalid_client")
    assert refusal(member.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK))[0] == 400
    assert member.exchange(code).ok
    assert refusal(member.exchange(code)) == (400, "invalid_request")


def test_the_same_name_is_the_same_member(member: Member) -> None:
    people = [member.userinfo(member.tokens(name)["access_token"]).json() for name in ("Ada L", "ada l", "Bea")]
    assert people[0]["sub"] == people[1]["sub"] != people[2]["sub"]
    assert (people[0]["name"], people[0]["given_name"], people[0]["family_name"]) == ("Ada L", "Ada", "L")
    assert member.userinfo("x.y").status_code == 401


def test_a_refresh_keeps_the_refresh_token_and_its_expiry(member: Member) -> None:
    tokens = member.tokens()
    again = member.refresh(tokens["refresh_token"]).json()
    assert again["refresh_token"] == tokens["refresh_token"]
    assert again["access_token"] != tokens["access_token"]
    assert again["refresh_token_expires_in"] <= tokens["refresh_token_expires_in"]
    assert refusal(member.refresh(tokens["access_token"])) == (400, "invalid_grant")


def test_an_access_token_expires_no_later_than_its_refresh_token() -> None:
    lives = ("--access-life", "100", "--refresh-life", "50")
    with running("app.local.linkedin", "--port", "0", "--redirect-uri", CALLBACK, *lives, **ENVIRONMENT) as program:
        assert Member(program.url).tokens()["expires_in"] <= 50


def test_a_revocation_invalidates_all_tokens_of_the_member(member: Member) -> None:
    tokens, others = member.tokens("Cyd"), member.tokens("Dee")
    requests.post(f"{member.url}/_local/revoke", json={"member": "Cyd"}, timeout=10)
    assert member.userinfo(tokens["access_token"]).status_code == 401
    assert refusal(member.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert member.refresh(others["refresh_token"]).ok


def test_a_client_revokes_the_tokens_of_one_member_with_its_own_proof(member: Member) -> None:
    tokens, others = member.tokens("Eve"), member.tokens("Fay")
    revoke, form = f"{member.url}/oauth/v2/revoke", {"token": tokens["access_token"]}
    assert requests.post(revoke, form | CLIENT | {"client_secret": "wrong"}, timeout=10).status_code == 401
    assert requests.post(revoke, CLIENT | {"token": "unknown"}, timeout=10).status_code == 400
    assert member.userinfo(tokens["access_token"]).ok
    assert requests.post(revoke, form | CLIENT, timeout=10).status_code == 200
    assert member.userinfo(tokens["access_token"]).status_code == 401
    assert member.userinfo(others["access_token"]).ok


def test_tokens_survive_a_restart(member: Member) -> None:
    token = member.tokens()["refresh_token"]
    with running("app.local.linkedin", "--port", "0", "--redirect-uri", CALLBACK, **ENVIRONMENT) as program:
        assert Member(program.url).refresh(token).ok


@pytest.mark.parametrize(
    ("do", "status"), [("503", 503), ("429", 429), ("invalid-grant", 400), ("invalid-client", 401)]
)
def test_a_requested_error_is_answered_the_requested_number_of_times(member: Member, do: str, status: int) -> None:
    token = member.tokens()["refresh_token"]
    assert member.fault(do, times=2).status_code == 201
    assert [member.refresh(token).status_code for _ in range(3)] == [status, status, 200]


def test_web_flow_refuses_every_verifier_and_does_not_use_up_the_code(member: Member) -> None:
    member.fault("web-flow", times=None)
    code = member.code()
    assert refusal(member.exchange(code)) == (401, "invalid_client")
    assert member.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK).ok


def test_a_refresh_can_omit_or_rotate_the_refresh_token(member: Member) -> None:
    token = member.tokens()["refresh_token"]
    member.fault("no-refresh-token")
    assert "refresh_token" not in member.refresh(token).json()
    member.fault("rotate")
    new = member.refresh(token).json()["refresh_token"]
    assert new != token
    assert refusal(member.refresh(token)) == (400, "invalid_grant")
    assert member.refresh(new).ok


def test_dropped_invalid_and_missing_answers(member: Member) -> None:
    token = member.tokens()["refresh_token"]
    for do in ("drop", "act drop"):
        member.fault(do)
        with pytest.raises(requests.ConnectionError):
            member.refresh(token)
    member.fault("garbage")
    assert member.refresh(token).headers["Content-Type"].startswith("text/html")
    member.fault("hang", at="userinfo")
    with pytest.raises(requests.Timeout):
        requests.get(f"{member.url}/v2/userinfo", timeout=0.3)


def test_an_invalid_fault_is_refused_with_a_reason(member: Member) -> None:
    faults: list[Any] = [{}, [], {"do": "dance"}, {"do": "503", "at": "home"}, {"do": "503", "times": 0}]
    for fault in faults:
        answer = requests.post(f"{member.url}/_local/faults", json=fault, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["error"]


def test_calls_are_shown_without_their_secrets(member: Member) -> None:
    tokens = member.tokens()
    shown = requests.get(f"{member.url}/_local/calls", timeout=10)
    last = shown.json()[-1]
    assert (last["place"], last["status"], last["grant_type"]) == ("token", 200, "authorization_code")
    assert last["verifier"] is True
    assert not [secret for secret in (tokens["access_token"], CLIENT["client_secret"]) if secret in shown.text]


def test_a_start_without_a_client_secret_fails() -> None:
    process = spawn("app.local.linkedin", "--port", "0", "--redirect-uri", CALLBACK, LINKEDIN_CLIENT_ID="app")
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 2
    assert "LINKEDIN_CLIENT_SECRET" in err
