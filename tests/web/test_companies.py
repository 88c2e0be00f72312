"""Companies, their members and clients: answers, lists and errors."""

import uuid
from typing import Any

import pytest

from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused, wire_form


def pages(user: User, path: str, limit: int) -> list[list[dict[str, Any]]]:
    found, cursor = [], ""
    while True:
        body = json_of(user.get(f"{path}?limit={limit}{cursor}"))
        assert set(body) == {"data", "nextCursor"}
        found.append(body["data"])
        if body["nextCursor"] is None:
            return found
        cursor = f"&cursor={body['nextCursor']}"


def names(user: User) -> list[str]:
    return [company["name"] for company in json_of(user.get("/api/companies"))["data"]]


def members(user: User, company: str) -> dict[str, str]:
    return {m["userId"]: m["role"] for m in json_of(user.get(f"/api/companies/{company}/members"))["data"]}


def test_creator_of_a_company_is_its_owner(site: Site, alice: User, bob: User):
    company = json_of(alice.post("/api/companies", json={"name": "  Agency  "}), 201)
    at = wire_form(NOW)
    expected = {"name": "Agency", "role": "owner", "joinedAt": at, "createdAt": at, "updatedAt": at}
    assert company == {"id": company["id"]} | expected
    assert json_of(alice.get(f"/api/companies/{company['id']}")) == company
    assert json_of(alice.get("/api/companies")) == {"data": [company], "nextCursor": None}
    assert json_of(bob.get("/api/companies")) == {"data": [], "nextCursor": None}


def test_companies_are_paged_by_joining_with_the_users_role(site: Site, alice: User, bob: User):
    theirs = bob.company("Theirs")
    for number in range(5):
        site.clock.at += SECOND * (number % 2)
        alice.company(str(number))
    site.clock.at += SECOND
    bob.add_member(theirs, "alice", "viewer")
    found = pages(alice, "/api/companies", 2)
    assert [len(page) for page in found] == [2, 2, 2]
    listed = [company for page in found for company in page]
    assert sorted(company["name"] for company in listed) == ["0", "1", "2", "3", "4", "Theirs"]
    assert (listed[-1]["id"], listed[-1]["role"]) == (theirs, "viewer")
    assert [c["joinedAt"] for c in listed] == sorted(c["joinedAt"] for c in listed)


def test_an_owner_renames_a_company(site: Site, alice: User):
    company = alice.company()
    site.clock.at += SECOND
    renamed = json_of(alice.patch(f"/api/companies/{company}", json={"name": "Other"}))
    assert (renamed["name"], renamed["updatedAt"]) == ("Other", wire_form(NOW + SECOND))
    assert names(alice) == ["Other"]


def test_members_are_added_promoted_and_removed(site: Site, alice: User, bob: User):
    company = alice.company()
    path = f"/api/companies/{company}/members/bob"
    member = alice.add_member(company, "bob", "viewer")
    assert member == {"companyId": company, "userId": "bob", "role": "viewer", "createdAt": wire_form(NOW)}
    site.clock.at += SECOND
    changed = {"role": "owner", "status": "member", "invitation": None}
    assert json_of(alice.put(path, json={"role": "owner"})) == member | changed
    assert members(bob, company) == {"alice": "owner", "bob": "owner"}
    assert alice.delete(path).status_code == 204
    assert members(alice, company) == {"alice": "owner"}
    refused(alice.delete(path), 404, "member_not_found")
    refused(bob.get(f"/api/companies/{company}"), 404, "company_not_found")


def test_members_with_any_ids_are_listed_in_pages(site: Site, alice: User):
    company = alice.company(**{"auth0|7": "editor", "zoë ☃": "viewer", "z" * 255: "viewer", "☃" * 255: "editor"})
    found = pages(alice, f"/api/companies/{company}/members", 1)
    assert [len(page) for page in found] == [1] * 5
    assert {page[0]["userId"] for page in found} == {"alice", "auth0|7", "zoë ☃", "z" * 255, "☃" * 255}


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_a_member_may_leave(site: Site, alice: User, bob: User, role: str):
    company = alice.company(bob=role, carol="viewer")
    refused(bob.delete(f"/api/companies/{company}/members/carol"), 403, "role_insufficient")
    assert bob.delete(f"/api/companies/{company}/members/bob").status_code == 204
    assert names(bob) == []
    assert members(alice, company) == {"alice": "owner", "carol": "viewer"}


def test_the_last_owner_can_neither_leave_nor_be_demoted(site: Site, alice: User, bob: User):
    company = alice.company(bob="editor")
    path = f"/api/companies/{company}/members/alice"
    for role in ("editor", "viewer"):
        refused(alice.put(path, json={"role": role}), 409, "last_owner")
    refused(alice.delete(path), 409, "last_owner")
    json_of(alice.put(path, json={"role": "owner"}))
    json_of(alice.put(f"/api/companies/{company}/members/bob", json={"role": "owner"}))
    assert json_of(alice.put(path, json={"role": "viewer"}))["role"] == "viewer"
    refused(alice.put(path, json={"role": "owner"}), 403, "role_insufficient")
    refused(bob.delete(f"/api/companies/{company}/members/bob"), 409, "last_owner")


@pytest.mark.parametrize("member", ["%00", "a%0Ab", "%20bob", "x" * 256])
def test_invalid_member_id_answers_404(small_site: Site, member: str):
    alice = small_site.user("alice")
    path = f"/api/companies/{alice.company()}/members/{member}"
    for answer in (alice.put(path, json={"role": "viewer"}), alice.delete(path)):
        assert answer.status_code == 404


def test_clients_are_added_renamed_listed_in_pages_and_removed(site: Site, alice: User):
    company = alice.company()
    path = f"/api/companies/{company}/clients"
    added = json_of(alice.post(path, json={"name": " Größe & Co "}), 201)
    at = wire_form(NOW)
    assert added == {
        "id": added["id"],
        "companyId": company,
        "name": "Größe & Co",
        "createdAt": at,
        "updatedAt": at,
    }
    assert json_of(alice.get(f"{path}/{added['id']}")) == added
    site.clock.at += SECOND
    renamed = json_of(alice.patch(f"{path}/{added['id']}", json={"name": "GRÖSSE & CO"}))
    assert renamed == added | {"name": "GRÖSSE & CO", "updatedAt": wire_form(NOW + SECOND)}
    others = [alice.client_of(company, str(number)) for number in range(3)]
    found = pages(alice, path, 2)
    assert [len(page) for page in found] == [2, 2]
    assert [client["id"] for page in found for client in page] == [added["id"], *sorted(others)]
    assert alice.delete(f"{path}/{added['id']}").status_code == 204
    refused(alice.get(f"{path}/{added['id']}"), 404, "client_not_found")


def test_client_names_are_unique_in_a_company_ignoring_case(site: Site, alice: User):
    company, other = alice.company(), alice.company("Other")
    alice.client_of(company, "Größe")
    second = alice.client_of(company, "Second")
    alice.client_of(other, "Größe")
    path = f"/api/companies/{company}/clients"
    refused(alice.post(path, json={"name": "GRÖSSE"}), 409, "client_exists")
    refused(alice.patch(f"{path}/{second}", json={"name": "größe "}), 409, "client_exists")
    assert len(json_of(alice.get(path))["data"]) == 2


def test_client_is_not_found_under_another_company(site: Site, alice: User):
    company, other = alice.company(), alice.company("Other")
    client = alice.client_of(other)
    path = f"/api/companies/{company}/clients/{client}"
    for answer in (alice.get(path), alice.patch(path, json={"name": "x"}), alice.delete(path)):
        refused(answer, 404, "client_not_found")


@pytest.mark.parametrize("what", ["company", "client"])
def test_company_or_client_with_posts_or_accounts_cannot_be_removed(site: Site, alice: User, what: str):
    company = alice.company()
    client = alice.client_of(company)
    path = f"/api/companies/{company}" + (f"/clients/{client}" if what == "client" else "")
    account = alice.account(clientId=client)
    posts = [alice.draft(clientId=client)["id"] for _ in range(3)]
    alice.schedule(posts[0], NOW + HOUR)
    detail = refused(alice.delete(path), 409, f"{what}_in_use")["detail"]
    assert "3 posts" in detail
    assert "1 social account" in detail
    for post_id in posts:
        assert alice.delete(f"/api/posts/{post_id}").status_code == 204
    assert "0 posts" in refused(alice.delete(path), 409, f"{what}_in_use")["detail"]
    assert alice.delete(f"/api/social-accounts/{account['id']}").status_code == 204
    assert alice.delete(path).status_code == 204
    assert alice.get(path).status_code == 404
    assert site.rows("SELECT count(*) FROM clients") == [(0,)]
    assert alice.get(f"/api/posts/{posts[0]}").status_code == (404 if what == "company" else 200)


def test_empty_client_and_empty_company_can_be_removed(site: Site, alice: User):
    company, other = alice.company(), alice.company("Other")
    busy, idle = alice.client_of(company, "Busy"), alice.client_of(company, "Idle")
    alice.draft(clientId=busy)
    alice.draft()
    assert alice.delete(f"/api/companies/{company}/clients/{idle}").status_code == 204
    assert alice.delete(f"/api/companies/{other}").status_code == 204


GOOD_NAME = "x" * 120


@pytest.mark.parametrize(
    "name", [None, 7, "", "   ", GOOD_NAME + "x", "a\nb", "a\0b", "\ud800", "a\u202eb", ["x"]], ids=repr
)
def test_a_name_is_one_line_of_at_most_120_characters(small_site: Site, name: Any):
    alice = small_site.user("alice")
    company = alice.company(f" {GOOD_NAME} ")
    client = alice.client_of(company)
    for method, path in (
        ("POST", "/api/companies"),
        ("PATCH", f"/api/companies/{company}"),
        ("POST", f"/api/companies/{company}/clients"),
        ("PATCH", f"/api/companies/{company}/clients/{client}"),
    ):
        problem = refused(alice.open(method, path, json={"name": name}), 422, "invalid_fields")
        assert [error["field"] for error in problem["errors"]] == ["name"]


def test_a_name_that_folds_to_its_longest_fits_the_index(site: Site, alice: User):
    company = alice.company()
    for letter in ("ΐ", "\U0001d160", "\U0001f600", "ﬃ"):
        path = f"/api/companies/{company}/clients"
        answer = alice.post(path, json={"name": letter * 120})
        assert answer.status_code in (201, 422), answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/companies", {"name": "x", "id": "y"}, "id"),
        ("POST", "/api/companies", {}, "name"),
        ("PATCH", "/api/companies/{company}", {"name": "x", "role": "owner"}, "role"),
        ("PUT", "/api/companies/{company}/members/bob", {"role": "king"}, "role"),
        ("PUT", "/api/companies/{company}/members/bob", {}, "role"),
        ("PUT", "/api/companies/{company}/members/bob", {"role": "editor", "userId": "eve"}, "userId"),
        ("POST", "/api/companies/{company}/clients", {"name": "x", "companyId": str(uuid.uuid4())}, "companyId"),
        ("GET", "/api/companies?limit=0", None, "limit"),
        ("GET", "/api/companies?limit=201", None, "limit"),
        ("GET", "/api/companies/{company}/members?limit=x", None, "limit"),
        ("GET", "/api/companies/{company}/members?cursor=" + "A" * 3001, None, "cursor"),
        ("GET", "/api/companies/{company}/clients?cursor=" + "A" * 201, None, "cursor"),
    ],
)
def test_unknown_fields_and_parameters_are_refused(small_site: Site, method: str, path: str, body: Any, field: str):
    alice = small_site.user("alice")
    answer = alice.open(method, path.format(company=alice.company()), json=body)
    assert [error["field"] for error in refused(answer, 422, "invalid_fields")["errors"]] == [field]


@pytest.mark.parametrize("path", ["", "/members", "/clients"])
def test_invalid_cursor_is_refused(small_site: Site, path: str):
    alice = small_site.user("alice")
    company = alice.company()
    where = f"/api/companies/{company}{path}" if path else "/api/companies"
    for cursor in ("nonsense", "WyIyMDI2LTExLTAyVDA4OjAwOjAwKzAwOjAwIiwgIlx1MDAwMCJd"):  # the second holds a NUL
        refused(alice.get(f"{where}?cursor={cursor}"), 422, "invalid_cursor")
