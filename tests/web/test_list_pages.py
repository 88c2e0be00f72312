"""Lists in every order while posts change: none is missed, and a post that keeps its place comes once."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused, wire_form

SORTS = ("createdAt", "scheduledAt", "updatedAt")
ORDERS = ("asc", "desc")


def read_pages(user: User, query: str, between: Callable[[int], Any] = lambda _: None) -> list[list[dict[str, Any]]]:
    """Collect all pages. `between` runs after each page with its number."""
    found, cursor = [], ""
    while True:
        body = json_of(user.get(f"/api/posts?{query}{cursor}"))
        found.append(body["data"])
        if body["nextCursor"] is None:
            return found
        between(len(found))
        cursor = f"&cursor={body['nextCursor']}"


def ids(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [post["id"] for page in pages for post in page]


def fill(site: Site, user: User) -> list[dict[str, Any]]:
    """Create six scheduled posts and four drafts, each at its own second, in another order than their times."""
    user.account()
    made = []
    for number in range(10):
        site.clock.at += SECOND
        if number % 5 < 3:
            body = {"content": f"n{number}", "scheduledAt": wire_form(NOW + ((number * 7) % 10 + 1) * HOUR)}
            made.append(json_of(user.post("/api/posts", json=body), 201))
        else:
            made.append(user.draft(content=f"n{number}"))
    return [user.read(post["id"]) for post in made]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_shows_each_post_once(site: Site, alice: User, sort: str, order: str):
    posts = fill(site, alice)
    site.clock.at += SECOND
    field, down = sort, order == "desc"
    expected = sorted((p for p in posts if p[field]), key=lambda p: (p[field], p["id"]), reverse=down)
    expected += sorted((p for p in posts if not p[field]), key=lambda p: (p["createdAt"], p["id"]), reverse=down)
    for limit in (1, 3, 10, 200):
        found = read_pages(alice, f"sort={sort}&order={order}&limit={limit}")
        assert ids(found) == [post["id"] for post in expected]
        assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_edits_between_pages_by_updated_at_miss_no_post(site: Site, alice: User, order: str, limit: int):
    posts = fill(site, alice)
    by_age = [post["id"] for post in posts]
    edits = {1: by_age[0], 2: by_age[-1], 3: by_age[4], 4: by_age[0], 5: by_age[7]}
    edited: dict[str, int] = {}

    def edit(page: int) -> None:
        site.clock.at += SECOND
        if page in edits:
            json_of(alice.patch(f"/api/posts/{edits[page]}", json={"content": f"edited {page}"}))
            edited[edits[page]] = page

    site.clock.at += SECOND
    pages = read_pages(alice, f"sort=updatedAt&order={order}&limit={limit}", edit)
    shown = ids(pages)
    assert set(shown) == set(by_age)
    assert all(shown.count(one) == 1 for one in by_age if one not in edited)
    for one, page in edited.items():
        assert [p["content"] for found in pages for p in found if p["id"] == one][-1] == f"edited {page}"
        assert shown.count(one) <= 3


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_reschedules_between_pages_by_scheduled_at_miss_no_post(site: Site, alice: User, order: str, limit: int):
    posts = fill(site, alice)
    dated = sorted((p for p in posts if p["scheduledAt"]), key=lambda p: p["scheduledAt"])
    first, last, undated = dated[0]["id"], dated[-1]["id"], next(p["id"] for p in posts if not p["scheduledAt"])
    moves: dict[int, Callable[[], Any]] = {
        1: lambda: (alice.schedule(last, NOW + HOUR / 2), alice.schedule(first, NOW + 40 * HOUR)),
        2: lambda: alice.schedule(undated, NOW + 3 * HOUR),
        3: lambda: json_of(alice.post(f"/api/posts/{dated[2]['id']}/unschedule")),
    }

    def move(page: int) -> None:
        site.clock.at += SECOND
        moves.get(page, lambda: None)()

    site.clock.at += SECOND
    shown = ids(read_pages(alice, f"sort=scheduledAt&order={order}&limit={limit}", move))
    moved = {first, last, undated, dated[2]["id"]}
    assert set(shown) == {post["id"] for post in posts}
    assert all(shown.count(one) == 1 for one in shown if one not in moved)
    assert all(shown.count(one) <= 2 for one in moved)


@pytest.mark.parametrize("sort", SORTS)
def test_posts_created_between_pages_do_not_shift_them(site: Site, alice: User, sort: str):
    posts = fill(site, alice)

    def create(page: int) -> None:
        site.clock.at += SECOND
        if page < 4:
            alice.draft(content="new")

    site.clock.at += SECOND
    shown = ids(read_pages(alice, f"sort={sort}&limit=3", create))
    old = [post["id"] for post in posts]
    assert sorted(one for one in shown if one in old) == sorted(old)


def test_post_that_leaves_the_filter_between_pages_is_left_out(site: Site, alice: User):
    posts = fill(site, alice)
    drafts = [post["id"] for post in posts if post["status"] == "draft"]
    shown = ids(
        read_pages(alice, "status=draft&limit=1", lambda _: alice.delete(f"/api/posts/{drafts[0]}"))  # the oldest
    )
    assert shown == drafts[:0:-1]


def test_cursor_holds_only_for_its_own_list(site: Site, alice: User):
    fill(site, alice)
    query = "sort=updatedAt&status=draft,scheduled&q=n&limit=2"
    cursor = json_of(alice.get(f"/api/posts?{query}"))["nextCursor"]
    assert len(cursor) <= 200
    for other in (
        "sort=createdAt&status=draft,scheduled&q=n",
        "sort=updatedAt&order=asc&status=draft,scheduled&q=n",
        "sort=updatedAt&status=draft&q=n",
        "sort=updatedAt&status=draft,scheduled",
        "sort=updatedAt&status=draft,scheduled&q=n&platform=linkedin",
        f"sort=updatedAt&status=draft,scheduled&q=n&from={wire_form(NOW)}",
    ):
        problem = refused(alice.get(f"/api/posts?{other}&cursor={cursor}"), 422, "invalid_cursor")
        assert problem["errors"][0]["field"] == "cursor"
    again = f"limit=5&q=n&status=scheduled,draft&cursor={cursor}&sort=updatedAt&order=desc"
    assert len(json_of(alice.get(f"/api/posts?{again}"))["data"]) == 5


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=draft,", "status"),
        ("status=draft,gone", "status"),
        ("status=,", "status"),
        ("status=", "status"),
        ("status=" + "draft," * 2000 + "draft", "status"),
        ("status=draft&status=failed", "status"),
        ("sort=status", "sort"),
        ("sort=updated_at", "sort"),
        ("order=up", "order"),
        ("order=DESC", "order"),
        ("needsAttention=1", "needsAttention"),
        ("needsAttention=", "needsAttention"),
        ("needsAttention=TRUE", "needsAttention"),
        ("updatedSince=yesterday", "updatedSince"),
        ("updatedSince=2026-11-02T08:00:00", "updatedSince"),
        ("q=", "q"),
        ("q=%20%20", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=%00", "q"),
        ("q=a&q=b", "q"),
        ("Q=a", "Q"),
    ],
    ids=lambda value: value[:30] if "=" in value else "",
)
def test_invalid_filter_names_its_field(small_site: Site, query: str, field: str):
    alice = small_site.user("alice")
    counted = () if field in ("sort", "order") else ("/api/posts/counts",)
    for path in ("/api/posts", *counted):
        problem = refused(alice.get(f"{path}?{query}"), 422, "invalid_fields")
        assert problem["errors"][0]["field"] == field


def test_counts_take_no_order_and_no_page(small_site: Site):
    for name in ("sort=createdAt", "order=asc", "limit=5", "cursor=x"):
        refused(small_site.user("alice").get(f"/api/posts/counts?{name}"), 422, "invalid_fields")


TEXTS = {
    "plain": "Big News from Berlin",
    "percent": "100% off",
    "underscore": "snake_case",
    "backslash": r"C:\temp",
    "regex": "a.b*c(d)[e]^f$g|h?",
    "umlaut": "ÜBER die Brücke, Straße",
    "lines": "two\n lines\tof text",
    "turkish": "İstanbul",
    "emoji": "Party 🎉 today",
    "quote": 'it\'s "so" -- good; DROP',
}
SEARCHES = {
    "big news": ["plain"],
    "BERLIN": ["plain"],
    "%": ["percent"],
    "_": ["underscore"],
    "0% o": ["percent"],
    "\\": ["backslash"],
    ".": ["regex"],
    "b*c(d)[e]^f$g|h?": ["regex"],
    "über": ["umlaut"],
    "BRÜCKE": ["umlaut"],
    "straße": ["umlaut"],
    "two lines of": ["lines"],
    "🎉": ["emoji"],
    '\'s "SO" --': ["quote"],
    "İstanbul": ["turkish"],
    "nowhere": [],
}


def test_text_is_searched_in_any_case_and_means_no_pattern(site: Site, alice: User, bob: User):
    names = {alice.draft(content=text)["id"]: name for name, text in TEXTS.items()}
    bob.draft(content="Big News from Berlin")
    for text, expected in SEARCHES.items():
        body = json_of(alice.get("/api/posts", query_string={"q": text}))
        assert [names[post["id"]] for post in body["data"]] == expected, text
        assert sum(json_of(alice.get("/api/posts/counts", query_string={"q": text}))["byStatus"].values()) == len(
            expected
        )


def test_search_reads_a_bounded_number_of_posts_for_each_page(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    from app.store.posts import pages as store_pages

    monkeypatch.setattr(store_pages, "SEARCHED_POSTS", 4)
    posts = fill(site, alice)
    found = read_pages(alice, "q=n1&limit=2")
    assert [len(page) for page in found] == [0, 0, 1]
    assert ids(found) == [posts[1]["id"]]
    assert ids(read_pages(alice, "q=n&limit=3&sort=scheduledAt")) == ids(read_pages(alice, "limit=3&sort=scheduledAt"))


def test_several_statuses_and_updated_since_are_filters(site: Site, alice: User):
    posts = fill(site, alice)

    def found(query: str) -> set[str]:
        return set(ids(read_pages(alice, query)))

    every = {post["id"] for post in posts}
    assert found("status=draft,scheduled") == found("status=scheduled,draft,draft") == every
    assert found("status=draft,failed") == {post["id"] for post in posts if post["status"] == "draft"}
    since = posts[6]["updatedAt"]
    assert found(f"updatedSince={since}") == {post["id"] for post in posts if post["updatedAt"] >= since}


def test_same_answer_has_the_same_etag_and_is_not_sent_again(site: Site, alice: User):
    fill(site, alice)
    for path in ("/api/posts?limit=3&sort=scheduledAt", "/api/posts/counts?status=draft"):
        first = alice.get(path)
        etag = first.headers["ETag"]
        again = alice.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert alice.get(path, headers={"If-None-Match": f'"other", {etag}'}).status_code == 304
        assert alice.get(path, headers={"If-None-Match": '"other"'}).data == first.data
        site.clock.at += SECOND
        alice.draft(content="new")
        changed = alice.get(path.replace("&sort=scheduledAt", ""), headers={"If-None-Match": etag})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != etag


def test_refused_list_has_no_etag(small_site: Site):
    assert "ETag" not in small_site.user("alice").get("/api/posts?limit=0").headers
