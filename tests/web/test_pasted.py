"""Values that people paste: trimmed, and refused where they cannot be what they should be."""

from typing import Any
from urllib.parse import quote

import pytest

from app.domain.sealing import access_token_of, refresh_token_of
from tests.web.answers import ACCESS_TOKEN, REFRESH_TOKEN
from tests.web.site import Site, User, json_of, refused
from tests.web.test_accounts import BODY

AROUND = [
    "{}\n",
    "\r\n{}",
    " {} ",
    "\t{}",
    "\u200b{}",
    "{}\ufeff",
    "\ufeff{}\u200b",
    "\u00a0{}\u3000",
    "{}\u2060\u200e",
]
INSIDE = ["\n", "\r\n", " ", "\t", "\u200b", "\u00a0", "é", "\u202e", "\x7f"]
URN = "urn:li:person:abc"


@pytest.fixture
def alice(small_site: Site) -> User:
    return small_site.user("alice")


@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_characters_around_tokens_and_ids_are_trimmed(site: Site, around: str):
    alice = site.user("alice")
    pasted = {"accessToken": around.format(ACCESS_TOKEN), "refreshToken": around.format(REFRESH_TOKEN)}
    account = json_of(alice.post("/api/social-accounts", json=pasted | {"personUrn": around.format(URN)}), 201)
    assert account["externalId"] == URN
    json_of(alice.patch(f"/api/social-accounts/{account['id']}", json=pasted))
    vault = site.services.deps.vault
    assert vault is not None
    [row] = site.rows("SELECT access_token, refresh_token FROM social_accounts")
    fields = (access_token_of(account["id"]), refresh_token_of(account["id"]))
    assert list(map(vault.decrypt, row, fields)) == [ACCESS_TOKEN, REFRESH_TOKEN]
    assert json_of(
        alice.post("/api/social-accounts", json=BODY | {"externalId": around.format(URN)}), 201
    ) == account | {"accountName": "Alice"}


@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_characters_around_ids_of_objects_are_trimmed(alice: User, around: str):
    company = alice.company()
    client = alice.client_of(company)
    account = alice.account(companyId=around.format(company), clientId=around.format(client))
    ids = {"companyId": company, "clientId": client, "socialAccountId": account["id"]}
    post = alice.draft(**{name: around.format(value.upper()) for name, value in ids.items()})
    assert {name: post[name] for name in ids} == ids
    answer = alice.post("/api/posts/recover", json={"postId": around.format(post["id"]), "action": "retry"})
    refused(answer, 409, "not_recoverable")


@pytest.mark.parametrize("inside", INSIDE, ids=ascii)
@pytest.mark.parametrize("field", ["accessToken", "refreshToken", "externalId", "personUrn"])
def test_token_or_id_that_fits_no_header_is_refused(alice: User, field: str, inside: str):
    body = {name: value for name, value in BODY.items() if field != "personUrn" or name != "externalId"}
    problem = refused(alice.post("/api/social-accounts", json=body | {field: f"a{inside}b"}), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "visible ASCII" in problem["detail"]


@pytest.mark.parametrize("field", ["accessToken", "refreshToken", "externalId", "accountName"])
@pytest.mark.parametrize("blank", ["", " \n", "\u200b\ufeff"], ids=ascii)
def test_blank_value_is_refused_as_too_short(alice: User, field: str, blank: str):
    problem = refused(alice.post("/api/social-accounts", json=BODY | {field: blank}), 422, "invalid_fields")
    [error] = problem["errors"]
    assert (error["field"], error["code"], error["limit"], error["actual"]) == (field, "too_short", 1, 0)


@pytest.mark.parametrize("digits", ["０c5f3d5e-0000-4000-8000-000000000000", "0c5f3d5e-0000-4000-8000-0000000000_0"])
def test_id_of_other_digits_is_no_uuid(alice: User, digits: str):
    """Python's own reader takes both."""
    for field in ("companyId", "clientId", "socialAccountId"):
        refused(alice.post("/api/posts", json={"content": "x", field: digits}), 422, "invalid_fields")
        refused(alice.get(f"/api/posts?{field}={quote(digits)}"), 422, "invalid_fields")
    refused(alice.get(f"/api/posts/{quote(digits)}"), 404, "not_found")


NAMES = ["می\u200cخواهم", "👩\u200d👧", "株式会社\u3000例", "Mont\u00a0Blanc"]


def renamed(user: User, name: str) -> list[Any]:
    """Give the name to an account, a company and a client. Return the three answers."""
    company = user.company()
    client = user.client_of(company)
    account = user.account()["id"]
    return [
        user.patch(f"/api/social-accounts/{account}", json={"accountName": name}),
        user.patch(f"/api/companies/{company}", json={"name": name}),
        user.patch(f"/api/companies/{company}/clients/{client}", json={"name": name}),
    ]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_name_keeps_joiners_and_wide_spaces(site: Site, name: str):
    alice = site.user("alice")
    account, company, client = (json_of(answer) for answer in renamed(alice, f"\ufeff{name}\u200b\n"))
    assert (account["accountName"], company["name"], client["name"]) == (name, name, name)


@pytest.mark.parametrize("char", ["\n", "\0", "\u202e", "\u2066", "\u2028", "\x85"], ids=ascii)
def test_name_with_a_control_or_bidi_override_is_refused(alice: User, char: str):
    for answer in renamed(alice, f"a{char}b"):
        refused(answer, 422, "invalid_fields")


MEMBERS = ["auth0|abc/def", "https://idp.example/users/7", "/a", "a/", "a//b", "a/members/b", "..", "ü/é", "a b"]


@pytest.mark.parametrize("member", MEMBERS)
def test_user_id_with_slashes_can_be_a_member(site: Site, member: str):
    alice = site.user("alice")
    company = alice.company()
    path = f"/api/companies/{company}/members/{quote(member, safe='')}"
    assert alice.add_member(company, member, "viewer")["userId"] == member
    listed = json_of(alice.get(f"/api/companies/{company}/members"))["data"]
    assert sorted(one["userId"] for one in listed) == sorted([member, "alice"])
    assert json_of(site.user(member).get(f"/api/companies/{company}"))["role"] == "viewer"
    assert json_of(alice.put(path, json={"role": "editor"}))["role"] == "editor"
    assert alice.delete(path).status_code == 204
    refused(alice.delete(path), 404, "member_not_found")


@pytest.mark.parametrize("member", ["%FF", "bob%C3", "%C0%AE", "%ED%A0%80", "bob%EF%BF%BD"])
def test_member_id_with_malformed_utf_8_answers_404(small_site: Site, member: str):
    alice = small_site.user("alice")
    path = f"/api/companies/{alice.company()}/members/{member}"
    refused(alice.put(path, json={"role": "viewer"}), 404, "not_found")
    refused(alice.delete(path), 404, "not_found")


def test_members_with_slashes_are_listed_in_pages(site: Site):
    alice = site.user("alice")
    company = alice.company()
    for number in range(3):
        alice.add_member(company, f"a/{number}", "viewer")
    path, found = f"/api/companies/{company}/members?limit=1", []
    cursor: str | None = ""
    while cursor is not None:
        page = json_of(alice.get(path + (f"&cursor={cursor}" if cursor else "")))
        found += [one["userId"] for one in page["data"]]
        cursor = page["nextCursor"]
    assert sorted(found) == ["a/0", "a/1", "a/2", "alice"]


@pytest.mark.parametrize(
    "host", ["my_bucket.s3.amazonaws.com", "my_bucket.s3.eu-west-1.amazonaws.com", "_a.b_c.example.com"]
)
def test_host_with_underscores_is_legal_in_media_urls(alice: User, host: str):
    url = f"https://{host}/a_b.png?x=_#_"
    alice.account()
    post = alice.draft(media=[{"url": f" {url}\n", "type": "image"}], imageUrl=f"{url}\u200b")
    assert (post["media"][0]["url"], post["imageUrl"]) == (url, url)


@pytest.mark.parametrize(
    "url", ["https://a b.example/x", "https://-_.example/x", "https:///x", "https://a.example:99999/x"]
)
def test_url_without_a_usable_host_is_refused(alice: User, url: str):
    refused(alice.post("/api/posts", json={"content": "x", "imageUrl": url}), 422, "invalid_fields")
