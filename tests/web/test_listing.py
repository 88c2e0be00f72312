"""The list of posts: newest first, in pages without repeats and gaps, with filters."""

import base64
import json
import uuid

import pytest

from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused, wire_form


def pages(user: User, limit: int, query: str = "") -> list[list[str]]:
    """Collect the ids of all pages by following nextCursor."""
    found, cursor = [], ""
    while True:
        body = json_of(user.get(f"/api/posts?limit={limit}{query}{cursor}"))
        assert set(body) == {"data", "nextCursor"}
        found.append([post["id"] for post in body["data"]])
        if body["nextCursor"] is None:
            return found
        cursor = f"&cursor={body['nextCursor']}"


def test_pages_show_every_post_once_newest_first_even_with_equal_instants(site: Site, alice: User, bob: User):
    written = []
    for number in range(12):
        if number % 4 == 0:
            site.clock.at += SECOND
        written.append(alice.draft(content=str(number)))
        bob.draft()
    newest_first = [post["id"] for post in sorted(written, key=lambda p: (p["createdAt"], p["id"]), reverse=True)]
    for limit, sizes in ((1, [1] * 12), (5, [5, 5, 2]), (6, [6, 6]), (12, [12]), (200, [12])):
        found = pages(alice, limit)
        assert [len(page) for page in found] == sizes
        assert [post_id for page in found for post_id in page] == newest_first


def test_new_posts_do_not_shift_the_following_pages(site: Site, alice: User):
    old = [alice.draft()["id"] for _ in range(4)]
    first = json_of(alice.get("/api/posts?limit=2"))
    site.clock.at += SECOND
    alice.draft()
    second = json_of(alice.get(f"/api/posts?limit=2&cursor={first['nextCursor']}"))
    assert sorted(post["id"] for page in (first, second) for post in page["data"]) == sorted(old)
    assert second["nextCursor"] is None


def test_microseconds_within_a_cursor_are_not_lost(site: Site, alice: User):
    written: list[str] = []
    for _ in range(4):
        site.clock.at = site.clock.at.replace(microsecond=site.clock.at.microsecond + 1)
        written.insert(0, alice.draft()["id"])
    assert [post_id for page in pages(alice, 1) for post_id in page] == written


def test_default_page_has_fifty_posts(site: Site, alice: User):
    for _ in range(51):
        alice.draft()
    body = json_of(alice.get("/api/posts"))
    assert len(body["data"]) == 50
    assert body["nextCursor"]


def test_filters_can_be_combined(site: Site, alice: User):
    company = alice.company()
    client = alice.client_of(company)
    draft = alice.draft(companyId=company)["id"]
    both = alice.draft(companyId=company, clientId=client, platform="facebook")["id"]
    due = alice.scheduled()["id"]

    def found(query: str) -> set[str]:
        return {post["id"] for post in json_of(alice.get(f"/api/posts?{query}"))["data"]}

    assert found("status=draft") == {draft, both}
    assert found("status=scheduled") == {due}
    assert found("status=published") == set()
    assert found("platform=facebook") == {both}
    assert found(f"companyId={company}") == {draft, both}
    assert found(f"companyId={company.upper()}&platform=linkedin") == {draft}
    assert found(f"clientId={client}") == {both}
    assert found(f"clientId={uuid.uuid4()}") == set()


def test_from_and_to_bound_scheduled_at_with_to_exclusive(site: Site, alice: User):
    ids = {hours: alice.scheduled(NOW + hours * HOUR)["id"] for hours in (1, 2, 3)}
    alice.draft()

    def found(query: str) -> set[str]:
        return {post["id"] for post in json_of(alice.get(f"/api/posts?{query}"))["data"]}

    assert found(f"from={wire_form(NOW + 2 * HOUR)}") == {ids[2], ids[3]}
    assert found(f"to={wire_form(NOW + 2 * HOUR)}") == {ids[1]}
    assert found(f"from={wire_form(NOW + HOUR)}&to={wire_form(NOW + 3 * HOUR)}") == {ids[1], ids[2]}
    assert found("from=2026-11-02T11:00:00%2B01:00") == {ids[2], ids[3]}
    assert pages(alice, 1, f"&from={wire_form(NOW)}")[0] == [ids[3]] or len(pages(alice, 1, "&status=scheduled")) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=1e2", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=", "limit"),
        ("status=gone", "status"),
        ("status=Draft", "status"),
        ("platform=myspace", "platform"),
        ("companyId=7", "companyId"),
        ("clientId=%00", "clientId"),
        ("from=yesterday", "from"),
        ("from=2026-11-02T10:00:00", "from"),
        ("to=2026-11-02", "to"),
        ("to=%ff", "to"),
        ("cursor=" + "A" * 201, "cursor"),
    ],
    ids=lambda value: value[:24] if "=" in value else "",
)
def test_invalid_query_names_its_field(small_site: Site, query: str, field: str):
    problem = refused(small_site.user("alice").get(f"/api/posts?{query}"), 422, "invalid_fields")
    assert problem["errors"][0]["field"] == field


def test_filter_at_the_edge_of_the_calendar_is_accepted(site: Site, alice: User):
    for instant in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"):
        for name in ("from", "to"):
            assert alice.get(f"/api/posts?{name}={instant}").status_code in (200, 422)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "cursor",
    {
        "nonsense": "nonsense",
        "not-base64": "%C3%A4%C3%B6",
        "one-letter": "A",
        "not-utf8": "____",
        "a-number": encoded(7),
        "null": encoded(None),
        "empty": encoded([]),
        "three": encoded([1, 2, 3]),
        "an-object": encoded({"at": 1, "id": 2}),
        "numbers": encoded([1, 2]),
        "no-uuid": encoded(["2026-11-02T08:00:00+00:00", "x"]),
        "no-time": encoded(["today", POST_ID]),
        "a-list-as-long-as-an-id": encoded(["2026-11-02T08:00:00+00:00", [0] * 36]),
        "before-the-calendar": encoded(["0001-01-01T00:00:00+14:00", POST_ID]),
        "after-the-calendar": encoded(["9999-12-31T23:59:59-14:00", POST_ID]),
        "NUL": encoded(["2026-11-02T08:00:00+00:00", "\0" * 5]),
        "surrogate": encoded(["2026-11-02T08:00:00+00:00", "\ud800" * 5]),
        "nested": encoded(json.loads("[" * 60 + "]" * 60)),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_invalid_cursor_is_refused(small_site: Site, cursor: tuple[str, str]):
    problem = refused(small_site.user("alice").get(f"/api/posts?cursor={cursor[1]}"), 422, "invalid_cursor")
    assert problem["errors"][0]["field"] == "cursor"


def test_cursor_of_another_user_shows_only_own_posts(site: Site, alice: User, bob: User):
    for _ in range(3):
        bob.draft()
    mine = alice.draft()["id"]
    site.clock.at += SECOND
    bob.draft()
    cursor = json_of(bob.get("/api/posts?limit=1"))["nextCursor"]
    assert [post["id"] for post in json_of(alice.get(f"/api/posts?cursor={cursor}"))["data"]] == [mine]
