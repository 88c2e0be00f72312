"""The platforms' limits over HTTP: on schedule, and on every edit of a scheduled post."""

from typing import Any

import pytest

from tests.web.site import HOUR, NOW, Site, User, json_of, refused, wire_form

DUE = NOW + HOUR
CDN = "https://cdn.example.com/a"


def items(*kinds: str, url: str = CDN) -> list[dict[str, str]]:
    return [{"url": url, "type": kind} for kind in kinds]


def errors(answer: Any) -> list[tuple[Any, ...]]:
    problem = refused(answer, 422, "platform_limits")
    return [(e["field"], e["code"], e.get("limit"), e.get("actual")) for e in problem["errors"]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"postType": "story"}, ("postType", "post_type_not_supported", None, None)),
        (
            {"platform": "instagram", "postType": "carousel", "media": items("image")},
            ("media", "too_few_media", 2, 1),
        ),
        ({"media": items("image", "video")}, ("media", "media_kinds_do_not_mix", 1, 2)),
        ({"imageUrl": "http://cdn.example.com/a"}, ("imageUrl", "media_url_not_https", None, None)),
        ({"media": items("image", url="https://10.1.2.3/a")}, ("media.0.url", "media_url_not_public", None, None)),
        (
            {"platform": "instagram", "media": items("image"), "content": "#a" * 31},
            ("content", "too_many_hashtags", 30, 31),
        ),
    ],
)
def test_platform_limits_are_checked_on_schedule(alice: User, fields: dict[str, Any], expected: tuple[Any, ...]):
    alice.account(fields.get("platform", "linkedin"))
    post = alice.draft(**fields)
    assert errors(alice.post(f"/api/posts/{post['id']}/schedule", json={"scheduledAt": wire_form(DUE)})) == [expected]
    assert alice.read(post["id"])["status"] == "draft"


def test_platform_limits_are_checked_on_edit_of_a_scheduled_post(alice: User):
    post = alice.scheduled(platform="instagram", postType="carousel", media=items("image", "video"))
    path = f"/api/posts/{post['id']}"
    assert errors(alice.patch(path, json={"media": items("image")})) == [("media", "too_few_media", 2, 1)]
    assert errors(alice.patch(path, json={"content": "@a " * 21})) == [("content", "too_many_mentions", 20, 21)]
    assert errors(alice.patch(path, json={"imageUrl": "https://printer.local/a"})) == [
        ("imageUrl", "media_url_not_public", None, None)
    ]
    assert alice.read(post["id"]) == post
    assert json_of(alice.patch(path, json={"content": "@a " * 20}))["status"] == "scheduled"


def test_platform_limits_are_checked_on_manual_retry(site: Site, alice: User):
    post = site.sent(alice, imageUrl=CDN)
    json_of(
        site.n8n.post(
            "/api/webhooks/publish-status", json={"postId": post["id"], "status": "failed", "httpStatus": 400}
        )
    )
    json_of(
        alice.patch(f"/api/posts/{post['id']}", json={"imageUrl": "https://localhost.example/a", "content": "x" * 3001})
    )
    answer = alice.post("/api/posts/recover", json={"postId": post["id"], "action": "retry"})
    assert errors(answer) == [("content", "text_too_long", 3000, 3001)]


def test_content_warnings_are_in_the_schedule_answer(alice: User):
    alice.account("instagram")
    post = alice.draft(platform="instagram", postType="story", media=items("image"), content="#a " * 6)
    answer = alice.schedule(post["id"], DUE)
    assert [warning["code"] for warning in answer["warnings"]] == ["text_not_shown", "hashtags_may_be_refused"]
    assert all(warning["message"].endswith(".") for warning in answer["warnings"])
    plain = alice.draft(platform="instagram", media=items("image"), content="Another text")
    assert alice.schedule(plain["id"], DUE + HOUR)["warnings"] == []


def test_loopback_media_are_only_for_the_local_stack(make_site: Any, sqlite_url: str):
    here = items("image", url="http://127.0.0.1:9000/a.png")
    for local in (True, False):
        site = make_site(sqlite_url, local=local)
        alice = site.user(f"alice-{local}")
        alice.account()
        post = alice.draft(media=here)
        answer = alice.post(f"/api/posts/{post['id']}/schedule", json={"scheduledAt": wire_form(DUE)})
        if local:
            assert json_of(answer)["status"] == "scheduled"
        else:
            assert errors(answer) == [("media.0.url", "media_url_not_https", None, None)]
