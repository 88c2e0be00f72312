"""The whole way: a file that is gone by the instant, seen by the real check over real HTTP."""

from collections.abc import Callable
from typing import Any

from tests.adapters.servers import HttpServer, http_server, says
from tests.web.site import HOUR, Site, said


def test_a_file_that_is_gone_by_the_instant_fails_its_post_and_n8n_is_not_called(
    make_site: Callable[..., Site], sqlite_url: str, n8n: HttpServer
):
    site = make_site(sqlite_url, media_check_seconds=2.0)
    alice = site.user("alice")
    with http_server(says(200, {})) as files:
        media: list[dict[str, Any]] = [{"url": f"{files.url}/a.png?signature=secret", "type": "image"}]
        post = alice.scheduled(media=media)
        files.answer = says(404, {})
        site.clock.at += HOUR
        assert said(site.deliver(post)) == {"status": "failed", "reason": "media_unreachable"}
        assert [seen.method for seen in files.seen] == ["HEAD"]
    after = alice.read(post["id"])
    assert (after["status"], after["errorCode"]) == ("failed", "media_unreachable")
    assert after["errorMessage"].endswith("Check that its URL opens in a private window, then schedule the post again.")
    assert n8n.seen == []
    assert [event["code"] for event in site.events("media.trouble")] == ["media_unreachable"]
    assert "signature" not in "".join(site.log)
