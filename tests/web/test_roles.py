"""The rights in a company: each role and each non-member, with every request of the API."""

import re
from collections.abc import Callable

import pytest

from tests.web.agency import ACTIONS, ADDITIONS, GOVERN, READ, WRITE, Agency, attempt, create_agency
from tests.web.site import HOUR, NOW, Site, User, json_of, refused

MAY = {"owner": {READ, WRITE, GOVERN}, "editor": {READ, WRITE}, "viewer": {READ}}
#: What has no id of a company's things in its path or body, or is no user's route.
NAMES_NOTHING = {
    ("GET", "/api/posts"),
    ("GET", "/api/posts/recover"),
    ("GET", "/api/social-accounts"),
    ("GET", "/api/companies"),
    ("POST", "/api/companies"),
    ("GET", "/api/social-accounts/shared"),
    ("GET", "/api/invitations"),
    ("GET", "/api/audit"),
    # Rules and files of no company.
    ("GET", "/api/platforms"),
    ("POST", "/api/media/check"),
    # Lists of the caller's things. Their filters by company are as those of the lists above.
    ("GET", "/api/posts/counts"),
    ("GET", "/api/posts/export.csv"),
    # Each row is answered for itself: tests/web/test_bulk.py has the rows of others.
    ("POST", "/api/posts/bulk"),
    ("GET", "/api/jobs*"),
    # Only a post in doubt can be attached: tests/web/test_one_call.py has the answer to others.
    ("POST", "/api/posts*/attach"),
    # tests/web/test_feeds.py has the answers to others.
    ("GET", "/api/feeds"),
    ("POST", "/api/feeds"),
    ("DELETE", "/api/feeds*"),
    # tests/web/test_webhook_endpoints.py has the answers to others.
    ("GET", "/api/webhook-endpoints"),
    ("POST", "/api/webhook-endpoints"),
    ("PATCH", "/api/webhook-endpoints*"),
    ("DELETE", "/api/webhook-endpoints*"),
    ("POST", "/api/webhook-endpoints*/test"),
    ("POST", "/api/webhook-endpoints*/rotate-secret"),
    ("GET", "/api/webhook-endpoints*/deliveries"),
    ("POST", "/api/webhook-endpoints*/deliveries*/redeliver"),
    # Its ids are of the caller's own keys: tests/web/test_api_keys.py has the answers to others.
    ("GET", "/api/keys"),
    ("POST", "/api/keys"),
    ("DELETE", "/api/keys*"),
    # Its token is the right to it: tests/web/test_invitations.py has the answers to others.
    ("POST", "/api/invitations*/accept"),
    # Their company comes in the query, and tests/use_cases/test_connect.py has the answers to non-members.
    ("GET", "/api/social-accounts/linkedin/connect"),
    ("GET", "/api/social-accounts/linkedin/callback"),
}
MACHINES = re.compile(r"/api/(posts/dispatch|webhooks|cron|scheduler|operations)")  # and admins' routes


@pytest.fixture
def author(site: Site) -> User:
    return site.user("author")


@pytest.fixture
def agency(site: Site, alice: User, author: User) -> Agency:
    """A company with a failed post, a member of each role, and an editor as author of all posts."""
    made = create_agency(alice, author, {role: role for role in MAY})
    site.clock.at = NOW + HOUR
    json_of(site.deliver(author.read(made.failed_id)))
    report = {"postId": made.failed_id, "status": "failed", "httpStatus": 400, "error": "no"}
    assert json_of(site.n8n.post("/api/webhooks/publish-status", json=report))["status"] == "failed"
    site.clock.at = NOW
    return made


def everything(site: Site) -> dict[str, list[str]]:
    tables = ["posts", "attempts", "transitions", "social_accounts", "companies", "memberships", "clients"]
    tables += ["invitations", "audit_entries", "account_queues"]
    return {table: sorted(map(str, site.rows(f"SELECT * FROM {table}"))) for table in tables}


def right_to(name: str) -> str:
    return ACTIONS[name][3] if name in ACTIONS else WRITE


EVERY_ACTION = [*ACTIONS, *ADDITIONS]
WITH_RIGHT = [
    (role, name) for role, rights in MAY.items() for name in EVERY_ACTION if right_to(name) in rights - {READ}
]


@pytest.mark.parametrize("role", MAY)
def test_role_without_the_right_answers_403_and_reads_are_answered(site: Site, agency: Agency, role: str):
    before = everything(site)
    for name in EVERY_ACTION:
        if right_to(name) not in MAY[role]:
            refused(attempt(site.user(role), agency, name), 403, "role_insufficient")
        elif right_to(name) == READ:
            assert attempt(site.user(role), agency, name).status_code == 200, name
    assert everything(site) == before


@pytest.mark.parametrize(("role", "name"), WITH_RIGHT)
def test_role_with_the_right_may_change(site: Site, agency: Agency, role: str, name: str):
    answer = attempt(site.user(role), agency, name)
    if name == "remove the company":
        refused(answer, 409, "company_in_use")
    else:
        assert answer.status_code in (200, 201, 204), answer.get_data(as_text=True)


def made_stranger(site: Site, agency: Agency) -> User:
    return site.user("stranger")


def made_editor_of_another(site: Site, agency: Agency) -> User:
    """Create an owner of another company."""
    rival = site.user("rival")
    rival.client_of(rival.company("Rival", other="editor"))
    return rival


def made_former_author(site: Site, agency: Agency) -> User:
    assert agency.owner.delete(f"/api/companies/{agency.company_id}/members/author").status_code == 204
    return site.user("author")


def made_admin(site: Site, agency: Agency) -> User:
    """Create an operator. This token opens the scheduler, not companies."""
    return site.user("root", admin=True)


STRANGERS = [made_stranger, made_editor_of_another, made_former_author, made_admin]


@pytest.mark.parametrize("who", STRANGERS, ids=lambda who: who.__name__)
def test_every_request_of_a_non_member_answers_404(site: Site, agency: Agency, who: Callable[[Site, Agency], User]):
    stranger = who(site, agency)
    before = everything(site)
    for name in ACTIONS:
        answer = attempt(stranger, agency, name)
        assert answer.status_code == 404, (name, answer.get_data(as_text=True))
        assert answer.get_json(force=True)["code"].endswith("not_found"), name
    assert everything(site) == before


@pytest.mark.parametrize("who", STRANGERS, ids=lambda who: who.__name__)
def test_non_member_cannot_add_to_a_company(site: Site, agency: Agency, who: Callable[[Site, Agency], User]):
    stranger = who(site, agency)
    before = everything(site)
    for name in ADDITIONS:
        what = "client" if name.endswith("client") else "company"
        problem = refused(attempt(stranger, agency, name), 422, f"{what}_not_found")
        assert [error["field"] for error in problem["errors"]] == [f"{what}Id"]
    assert everything(site) == before


@pytest.mark.parametrize("who", STRANGERS, ids=lambda who: who.__name__)
def test_lists_show_non_members_nothing_of_a_company(site: Site, agency: Agency, who: Callable[[Site, Agency], User]):
    stranger = who(site, agency)
    a = agency
    narrowed = ("", f"?companyId={a.company_id}", f"?clientId={a.client_id}", f"?socialAccountId={a.account_id}")
    for path in ("/api/posts", "/api/social-accounts"):
        for query in narrowed if path == "/api/posts" else narrowed[:-1]:
            assert json_of(stranger.get(path + query))["data"] == [], (path, query)
    assert a.company_id not in [company["id"] for company in json_of(stranger.get("/api/companies"))["data"]]


def test_non_member_gets_the_same_answer_as_for_unknown_ids(site: Site, agency: Agency):
    """Even the wording of an answer must not reveal an object's existence."""
    stranger = site.user("stranger")
    nowhere = {name: "00000000-0000-4000-8000-000000000000" for name in agency.ids if name != "member_id"}
    for name in [*ACTIONS, *ADDITIONS]:
        real, made_up = attempt(stranger, agency, name), attempt(stranger, agency, name, **nowhere)
        assert (real.status_code, real.get_json(force=True)) == (made_up.status_code, made_up.get_json(force=True))


def test_table_covers_every_user_route(small_site: Site):
    def shape(rule: str) -> str:
        return re.sub(r"<[^>]+>|\{\w+\}|/new\b", "*", rule).replace("/*", "*")

    requests = {(method, shape(rule)) for method, rule, _, _ in ACTIONS.values()}
    requests |= {("POST", rule) for rule, _ in ADDITIONS.values()}
    routes = {
        (method, shape(rule.rule))
        for rule in small_site.app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not MACHINES.match(rule.rule)
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert routes - requests == NAMES_NOTHING
    assert requests <= routes
