"""The audit trail: who changed what of a company, when, and from where."""

import csv
import io
from typing import Any

import pytest

from app.store.operations import audit
from tests.web.answers import ACCESS_TOKEN, REFRESH_TOKEN
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused, wire_form

AGENT = {"User-Agent": "Browser/1.0", "X-Request-ID": "request-7"}


def trail(user: User, company: str, query: str = "") -> list[dict[str, Any]]:
    return json_of(user.get(f"/api/companies/{company}/audit{query}"))["data"]


def actions(user: User, company: str, query: str = "") -> list[str]:
    return [entry["action"] for entry in trail(user, company, query)]


def test_every_change_is_recorded_with_its_actor_origin_and_fields(site: Site, alice: User, bob: User):
    created = alice.post("/api/companies", json={"name": "Secret name"}, headers=AGENT)
    company = json_of(created, 201)["id"]
    [entry] = trail(alice, company)
    assert entry.pop("id").isdigit()
    origin = {"clientAddress": "127.0.0.1", "userAgent": "Browser/1.0", "requestId": "request-7"}
    what = {"actor": "alice", "action": "company.created", "target": f"company:{company}", "fields": ["name"]}
    assert entry == {"at": wire_form(NOW), "companyId": company} | what | origin
    alice.add_member(company, "bob", "editor")
    client = alice.client_of(company)
    account = bob.account(companyId=company)
    path = f"/api/social-accounts/{account['id']}"
    json_of(bob.patch(path, json={"accountName": "New"}))
    json_of(bob.patch(path, json={"accessToken": ACCESS_TOKEN, "refreshToken": REFRESH_TOKEN}))
    page = json_of(
        bob.post(
            "/api/social-accounts", json={"externalId": "urn:li:person:p", "accessToken": "t", "clientId": client}
        ),
        201,
    )
    assert bob.delete(f"/api/social-accounts/{page['id']}").status_code == 204
    assert bob.delete(path).status_code == 204
    json_of(alice.patch(f"/api/companies/{company}/clients/{client}", json={"name": "C"}))
    assert alice.delete(f"/api/companies/{company}/clients/{client}").status_code == 204
    json_of(alice.patch(f"/api/companies/{company}", json={"name": "Other"}))
    invited = json_of(alice.post(f"/api/companies/{company}/invitations", json={"role": "viewer"}), 201)
    assert alice.delete(f"/api/companies/{company}/invitations/{invited['id']}").status_code == 204
    json_of(alice.put(f"/api/companies/{company}/members/bob", json={"role": "viewer"}))
    json_of(alice.put(f"/api/companies/{company}/members/bob", json={"role": "viewer"}))  # changes nothing
    assert bob.delete(f"/api/companies/{company}/members/bob").status_code == 204
    alice.add_member(company, "carol", "viewer")
    assert alice.delete(f"/api/companies/{company}/members/carol").status_code == 204
    found = trail(alice, company)
    assert [(entry["actor"], entry["action"]) for entry in reversed(found)] == [
        ("alice", "company.created"),
        ("alice", "member.invited"),
        ("bob", "member.joined"),
        ("alice", "client.created"),
        ("bob", "account.connected"),
        ("bob", "account.changed"),
        ("bob", "account.reconnected"),
        ("bob", "account.connected"),
        ("bob", "account.removed"),
        ("bob", "account.withdrawn"),
        ("alice", "client.renamed"),
        ("alice", "client.removed"),
        ("alice", "company.renamed"),
        ("alice", "member.invited"),
        ("alice", "invitation.ended"),
        ("alice", "member.role_changed"),
        ("bob", "member.left"),
        ("alice", "member.invited"),
        ("carol", "member.joined"),
        ("alice", "member.removed"),
    ]
    by_action = {entry["action"]: entry["fields"] for entry in found}
    assert by_action["account.reconnected"] == ["accessToken", "refreshToken"]
    assert by_action["member.role_changed"] == ["role"]
    text = str(site.rows("SELECT * FROM audit_entries"))
    assert not [secret for secret in (ACCESS_TOKEN, REFRESH_TOKEN, "Secret name", invited["token"]) if secret in text]


def test_withheld_profile_and_removed_company_are_recorded(site: Site, alice: User, bob: User):
    company = alice.company(bob="editor")
    account = bob.account(companyId=company)["id"]
    assert alice.delete(f"/api/companies/{company}/members/bob").status_code == 204
    entry = trail(alice, company, "?action=account.withheld")[0]
    assert (entry["actor"], entry["target"]) == ("alice", f"account:{account}")
    assert bob.delete(f"/api/social-accounts/{account}").status_code == 204
    assert trail(alice, company)[0]["action"] == "account.withdrawn"
    assert alice.delete(f"/api/companies/{company}").status_code == 204
    assert site.rows("SELECT action FROM audit_entries ORDER BY id DESC LIMIT 1") == [("company.removed",)]


@pytest.mark.parametrize("agent", ["x" * 5_000, "a\tb\x7f\xe9"])
def test_user_agent_is_trimmed_and_printable(site: Site, alice: User, agent: str):
    company = json_of(alice.post("/api/companies", json={"name": "x"}, headers={"User-Agent": agent}), 201)["id"]
    shown = trail(alice, company)[0]["userAgent"]
    assert len(shown) <= 200
    assert shown.isprintable()


def test_trail_is_paged_newest_first_and_filtered(site: Site, alice: User, bob: User):
    company = alice.company(bob="owner")
    for number in range(5):
        site.clock.at += SECOND * (number % 2)
        json_of((alice, bob)[number % 2].patch(f"/api/companies/{company}", json={"name": str(number)}))
    query, found = "?limit=3", []
    while query:
        body = json_of(alice.get(f"/api/companies/{company}/audit{query}"))
        found += body["data"]
        query = f"?limit=3&cursor={body['nextCursor']}" if body["nextCursor"] else ""
    numbers = [int(entry["id"]) for entry in found]
    assert (len(found), numbers) == (8, sorted(numbers, reverse=True))
    assert actions(alice, company, "?actor=bob&action=company.renamed") == ["company.renamed"] * 2
    between = f"?from={wire_form(NOW + SECOND)}&to={wire_form(NOW + 2 * SECOND)}"
    assert {entry["at"] for entry in trail(alice, company, between)} == {wire_form(NOW + SECOND)}
    for wrong in ("limit=0", "limit=201", "action=x", "cursor=x", "from=x", "actor=%00", "other=1"):
        assert alice.get(f"/api/companies/{company}/audit?{wrong}").status_code == 422


def test_csv_has_harmless_cells_and_a_cursor(site: Site):
    boss, query = site.user("=cmd()"), "?limit=1"
    company = boss.company()
    agents = ["+1", "-1", "@x", "\tx"]
    for agent in agents:
        boss.patch(f"/api/companies/{company}", json={"name": "n"}, headers={"User-Agent": agent})
    rows: list[dict[str, str]] = []
    while query:
        answer = boss.get(f"/api/companies/{company}/audit.csv{query}")
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        rows += csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
        cursor = answer.headers.get("X-Next-Cursor")
        query = f"?limit=2&cursor={cursor}" if cursor else ""
    assert [row["action"] for row in rows] == ["company.renamed"] * 4 + ["company.created"]
    assert {row["actor"] for row in rows} == {"'=cmd()"}
    assert [row["userAgent"] for row in rows[:4]] == ["?x", "'@x", "'-1", "'+1"]
    assert boss.get(f"/api/companies/{company}/audit.csv?limit=5001").status_code == 422


def test_person_reads_the_changes_of_their_own_accounts_alone(site: Site, alice: User, bob: User):
    alice.account()
    alice.company()
    bob.account()
    [entry] = json_of(alice.get("/api/audit"))["data"]
    assert (entry["action"], entry["actor"], entry["companyId"]) == ("account.connected", "alice", None)


def test_editors_and_strangers_do_not_read_the_trail(site: Site, alice: User, bob: User):
    company = alice.company(bob="editor")
    for path in ("audit", "audit.csv"):
        refused(bob.get(f"/api/companies/{company}/{path}"), 403, "role_insufficient")
        refused(site.user("eve").get(f"/api/companies/{company}/{path}"), 404, "company_not_found")


def test_failed_audit_insert_rolls_the_change_back(site: Site, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch):
    company = alice.company(bob="editor")
    account = bob.account(companyId=company)["id"]
    post = alice.draft(companyId=company)["id"]
    alice.schedule(post, NOW + HOUR)
    token = json_of(alice.post(f"/api/companies/{company}/invitations", json={"role": "viewer"}), 201)["token"]
    tables = ("posts", "social_accounts", "companies", "memberships", "clients", "invitations", "audit_entries")

    def rows() -> list[Any]:
        return [sorted(map(str, site.rows(f"SELECT * FROM {table}"))) for table in tables]

    before, append = rows(), audit.append

    def broken(tx: Any, **values: Any) -> None:
        append(tx, **values | {"actor": None})

    monkeypatch.setattr(audit, "append", broken)
    path = f"/api/companies/{company}"
    dave = site.user("dave")
    for user, method, where, body in (
        (alice, "POST", "/api/companies", {"name": "x"}),
        (alice, "PATCH", path, {"name": "x"}),
        (alice, "POST", f"{path}/clients", {"name": "x"}),
        (alice, "PUT", f"{path}/members/bob", {"role": "viewer"}),
        (alice, "DELETE", f"{path}/members/bob", None),
        (alice, "POST", f"{path}/invitations", {"role": "viewer"}),
        (dave, "POST", f"/api/invitations/{token}/accept", None),
        (alice, "POST", "/api/social-accounts", {"externalId": "urn:li:person:new", "accessToken": "t"}),
        (alice, "PATCH", f"/api/social-accounts/{account}", {"accountName": "x"}),
    ):
        with pytest.raises(AssertionError, match="internal_error"):
            user.open(method, where, json=body)
        assert rows() == before, (method, where)
    with pytest.raises(AssertionError, match="internal_error"):
        bob.delete(f"/api/social-accounts/{account}")
    assert rows() == before


def test_refused_change_leaves_no_entry(site: Site, alice: User, bob: User):
    company = alice.company(bob="editor")
    client = alice.client_of(company)
    alice.draft(clientId=client)
    count = len(trail(alice, company))
    refused(alice.delete(f"/api/companies/{company}/clients/{client}"), 409, "client_in_use")
    refused(alice.delete(f"/api/companies/{company}/members/alice"), 409, "last_owner")
    refused(alice.post(f"/api/companies/{company}/clients", json={"name": "client"}), 409, "client_exists")
    refused(bob.patch(f"/api/companies/{company}", json={"name": "x"}), 403, "role_insufficient")
    assert len(trail(alice, company)) == count


def test_sweep_prunes_old_entries_and_invitations(database_url: str, make_site: MakeSite):
    site = make_site(database_url, audit_retention_days=10.0)
    alice = site.user("alice")
    company = alice.company()
    json_of(alice.post(f"/api/companies/{company}/invitations", json={"role": "viewer"}), 201)
    alice = site.user("alice", at=NOW + 9 * 24 * HOUR)
    alice.client_of(company)
    site.user("alice", at=NOW + 11 * 24 * HOUR)
    assert site.cron.get("/api/posts/recover").status_code == 200
    assert site.rows("SELECT action FROM audit_entries") == [("client.created",)]
    assert site.rows("SELECT * FROM invitations") == []
