"""Idempotency-Key after a lost answer: the posts of the first try are found, and not made again."""

import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

from app import idempotency
from app.domain.errors import Unavailable
from tests.web.site import HOUR, NOW, Site, User, json_of, refused, wire_form
from tests.web.test_idempotency import DRAFT, KEY, count, create

Work = Callable[..., Any]


def then_unavailable(work: Work) -> Work:
    """Do the work, then fail as when the connection breaks during the commit: the rows are there."""

    def committed(*arguments: Any, **named: Any) -> Any:
        work(*arguments, **named)
        raise Unavailable

    return committed


def bulk_of_two(alice: User) -> tuple[str, dict[str, Any]]:
    at = {"scheduledAt": wire_form(NOW + HOUR)}
    rows = [{"op": "create", **DRAFT}, {"op": "create", "content": "Another", **at}]
    return "/api/posts/bulk", {"operations": rows}


#: By the function that commits: the request, and the number of posts afterwards.
CREATIONS: dict[str, tuple[Callable[[User], tuple[str, dict[str, Any]]], int]] = {
    "app.posts.drafts.create_post": (lambda _: ("/api/posts", DRAFT), 1),
    "app.posts.create.create_scheduled": (
        lambda _: ("/api/posts", DRAFT | {"scheduledAt": wire_form(NOW + HOUR), "timeZone": "Europe/Paris"}),
        1,
    ),
    "app.posts.create.duplicate_post": (lambda u: (f"/api/posts/{u.draft()['id']}/duplicate", {}), 2),
    "app.posts.bulk.run_bulk": (bulk_of_two, 2),
}


@pytest.mark.parametrize("work", CREATIONS)
def test_repeat_after_a_commit_without_answer_finds_the_posts(
    site: Site, alice: User, monkeypatch: pytest.MonkeyPatch, work: str
):
    alice.account()
    request_of, expected = CREATIONS[work]
    path, body = request_of(alice)
    with monkeypatch.context() as patched:
        patched.setattr(work, then_unavailable(pkgutil.resolve_name(work)))
        refused(alice.post(path, json=body, headers=KEY), 503, "database_unavailable")
    before = sorted(post["id"] for post in json_of(alice.get("/api/posts"))["data"])
    site.clock.at += 2 * HOUR  # past the instant: the repeat must not be refused for it
    again = alice.post(path, json=body, headers=KEY)
    assert again.status_code in (200, 201), again.text
    after = sorted(post["id"] for post in json_of(alice.get("/api/posts"))["data"])
    assert (after, len(after)) == (before, expected)
    answer = again.get_json()
    made = [row["postId"] for row in answer["results"]] if "results" in answer else [answer["id"]]
    assert set(made) <= set(after)


def test_repeat_after_the_death_of_the_process_finds_the_post(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    alice.account()
    at = wire_form(NOW + HOUR)
    with monkeypatch.context() as patched:
        patched.setattr("app.store.operations.idempotency.finish", dies)
        with pytest.raises(Killed):
            create(alice, scheduledAt=at)
    site.clock.at += idempotency.LEASE
    again = create(alice, scheduledAt=at)
    assert (again.status_code, again.json["status"], again.json["scheduledAt"]) == (201, "scheduled", at)
    assert count(alice) == 1


def test_key_of_a_failed_request_is_free_once_the_database_is_back(
    site: Site, alice: User, monkeypatch: pytest.MonkeyPatch
):
    def away(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr("app.posts.drafts.create_post", away)
        patched.setattr("app.store.operations.idempotency.release", away)
        refused(create(alice), 503, "database_unavailable")
    assert create(alice).status_code == 201
    assert create(alice).headers["Idempotency-Replayed"] == "true"
    assert count(alice) == 1


def test_key_of_yesterday_makes_another_post(site: Site):
    first = create(site.user("alice"))
    site.clock.at += idempotency.KEPT_FOR
    second = create(site.user("alice"))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
