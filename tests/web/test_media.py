"""The media check end to end, over real HTTP: the file is missing at the instant."""

from collections.abc import Callable
from typing import Any

from tests.adapters.servers import HttpServer, http_server, says
from tests.web.site import HOUR, Site, json_of


def test_missing_file_fails_the_post_without_calling_n8n(
    make_site: Callable[..., Site], sqlite_url: str, n8n: HttpServer
):
    site = make_site(sqlite_url, media_check_seconds=2.0)
    alice = site.user("alice")
    with http_server(says(200, {})) as files:
        media: list[dict[str, Any]] = [{"url": f"{files.url}/a.png?signature=secret", "type": "image"}]
        post = alice.scheduled(media=media)
        files.answer = says(404, {})
        site.clock.at += HOUR
        assert json_of(site.deliver(post)) == {"status": "failed", "reason": "media_unreachable"}
        assert [seen.method for seen in files.seen] == ["HEAD", "GET"]
    after = alice.read(post["id"])
    assert (after["status"], after["errorCode"]) == ("failed", "media_unreachable")
    assert after["errorMessage"].endswith("Check that its URL opens in a private window, then schedule the post again.")
    assert n8n.seen == []
    assert [event["code"] for event in site.events("media.fault")] == ["media_unreachable"]
    assert "signature" not in "".join(site.log)
