"""The rules of the platforms, and the check of media files against them."""

from typing import Any

import pytest

from app.domain.content.rules import check_limits
from app.domain.platforms import LIMITS
from app.settings.readers import Rate
from tests.adapters.n8n_fixtures import never_answers
from tests.adapters.servers import Seen, http_server, socket_server
from tests.domain.test_image_size import JPEG, PNG
from tests.web.conftest import MakeSite
from tests.web.site import Site, User, json_of, refused

CHECK = "/api/media/check"


def image(url: str, kind: str = "image") -> dict[str, str]:
    return {"url": url, "type": kind}


@pytest.fixture
def checking(make_site: MakeSite, sqlite_url: str) -> Site:
    return make_site(sqlite_url, media_check_seconds=2.0)


def check(user: User, *media: dict[str, str], platform: str = "linkedin", **fields: Any) -> list[dict[str, Any]]:
    body = {"platform": platform, "media": list(media), **fields}
    found: list[dict[str, Any]] = json_of(user.post(CHECK, json=body))["data"]
    return found


def test_rules_are_those_that_scheduling_checks(make_site: MakeSite, sqlite_url: str):
    site = make_site(sqlite_url, account_daily_cap=25, account_spacing_seconds=90.0)
    answer = json_of(site.user("alice").get("/api/platforms"))
    assert [one["name"] for one in answer["data"]] == list(LIMITS)
    assert (answer["maxContent"], answer["maxMedia"], answer["checksMedia"]) == (100_000, 20, False)
    for rules in answer["data"]:
        text, sign = rules["text"], "x" if rules["text"]["unit"] == "codePoints" else "\N{GRINNING FACE}"
        fits = sign * (text["limit"] // (1 if sign == "x" else 2))
        for post_type in rules["postTypes"]:
            first = post_type["media"][0]
            media = [image("https://cdn.example.com/a", first["kinds"][0])] * first["least"]
            assert not check_limits(rules["name"], fits, media, None, post_type["name"])
            assert check_limits(rules["name"], fits + "x", media, None, post_type["name"])[0].limit == text["limit"]
            assert (not check_limits(rules["name"], "x", [], None, post_type["name"])) == post_type["textAlone"]
        assert (rules["dailyCap"], rules["spacingSeconds"]) == (25, 90.0)
    guards = {one["name"]: one["duplicateGuardSeconds"] for one in answer["data"]}
    assert guards == {"linkedin": 540, "instagram": None, "facebook": None}


def test_files_are_looked_at_and_judged_by_the_platform(checking: Site):
    bodies = {"/a.png": PNG, "/a.jpg": JPEG, "/page": b"<!doctype html>"}

    def serve(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        body = bodies.get(seen.path)
        kind = "text/html" if seen.path == "/page" else "application/octet-stream"
        return (404, {}, b"") if body is None else (200, {"Content-Type": kind}, body)

    with http_server(serve) as files:
        urls = [f"{files.url}{path}" for path in ("/a.png", "/gone", "/page", "/a.png")]
        good, gone, page, again = check(checking.user("alice"), *map(image, urls))
        assert good == {
            **{"url": urls[0], "ok": True, "contentType": "image/png", "bytes": len(PNG), "width": 640, "height": 480}
        }
        assert (gone["ok"], gone["code"]) == (False, "media_unreachable")
        assert (page["code"], page["contentType"]) == ("media_type_wrong", "text/html")
        assert again == good
        assert len(files.seen) == 3  # one request for each address
        [png, jpeg] = check(checking.user("alice"), *map(image, (urls[0], f"{files.url}/a.jpg")), platform="instagram")
        assert (png["code"], jpeg["ok"]) == ("media_type_wrong", True)


def test_address_that_is_not_public_is_never_requested(make_site: MakeSite, sqlite_url: str):
    alice = make_site(sqlite_url, media_check_seconds=2.0, local=False).user("alice")
    with http_server() as inside:
        urls = [inside.url, "https://169.254.169.254/latest", "https://printer.local/a", "https://user:pw@cdn.test/a"]
        codes = [one["code"] for one in check(alice, *map(image, urls))]
        assert inside.connections == 0
    assert codes == ["media_url_not_https", "media_url_not_public", "media_url_not_public", "media_url_has_credentials"]


def test_kind_of_file_that_the_platform_lacks_is_refused_by_item(checking: Site):
    [found] = check(checking.user("alice"), image("https://cdn.example.com/a", "document"), platform="instagram")
    assert (found["ok"], found["code"]) == (False, "media_kind_not_supported")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platform": "myspace", "media": []}, "platform"),
        ({"media": []}, "platform"),
        ({"platform": "linkedin"}, "media"),
        ({"platform": "linkedin", "media": [image("https://cdn.example.com/a", "song")]}, "media.0.type"),
        ({"platform": "linkedin", "media": [image("ftp://cdn.example.com/a")]}, "media.0.url"),
        ({"platform": "linkedin", "media": [image("https://cdn.example.com/a")] * 21}, "media"),
        ({"platform": "linkedin", "media": [], "postType": "song"}, "postType"),
    ],
)
def test_bad_input_is_refused_by_field(checking: Site, body: dict[str, Any], field: str):
    problem = refused(checking.user("alice").post(CHECK, json=body), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_type_of_post_that_the_platform_lacks_is_refused(checking: Site):
    body = {"platform": "linkedin", "postType": "story", "media": []}
    refused(checking.user("alice").post(CHECK, json=body), 422, "post_type_not_supported")


def test_host_without_an_answer_is_told_in_time(make_site: MakeSite, sqlite_url: str):
    alice = make_site(sqlite_url, media_check_seconds=0.2).user("alice")
    with socket_server(never_answers) as slow:
        [found] = check(alice, image(slow.url))
    assert (found["ok"], found["code"]) == (False, "media_not_checked")


def test_checks_have_a_rate_limit_of_their_own(make_site: MakeSite, sqlite_url: str):
    limits = {"rate_limits": True, "rate_limit_media_checks": Rate(2, 60)}
    alice = make_site(sqlite_url, media_check_seconds=2.0, **limits).user("alice")
    body: dict[str, Any] = {"platform": "linkedin", "media": []}
    assert [json_of(alice.post(CHECK, json=body)) for _ in range(2)] == [{"data": []}] * 2
    assert "media checks" in refused(alice.post(CHECK, json=body), 429, "rate_limited")["detail"]
    assert alice.draft()


def test_without_a_check_of_media_the_route_is_closed(small_site: Site):
    body: dict[str, Any] = {"platform": "linkedin", "media": []}
    refused(small_site.user("alice").post(CHECK, json=body), 503, "not_configured")
    assert [event["setting"] for event in small_site.events("not_configured")] == ["MEDIA_CHECK_SECONDS"]
