"""The link to a published post is built from a reported id in its platform's form alone."""

import pytest

from tests.web.site import Site, User, json_of

URN = "urn:li:share:7"


@pytest.mark.parametrize("urn", ["javascript:alert(1)", "urn:li:share:7/../../../redir?u=//evil.example", "urn:li:x"])
@pytest.mark.parametrize("late", [False, True], ids=["at-once", "after-a-report-without-an-id"])
def test_reported_id_in_another_form_is_kept_and_is_no_link(site: Site, alice: User, urn: str, late: bool):
    post = site.sent(alice)
    urns: list[str | None] = [None, urn] if late else [urn]
    for reported in urns:
        body = {"postId": post["id"], "status": "published", "linkedinPostUrn": reported}
        json_of(site.n8n.post("/api/webhooks/publish-status", json=body))
    after = alice.read(post["id"])
    assert (after["status"], after["externalPostId"], after["externalUrl"]) == ("published", urn, None)


def test_reported_urn_becomes_a_link(site: Site, alice: User):
    post = site.sent(alice)
    body = {"postId": post["id"], "status": "published", "linkedinPostUrn": URN}
    json_of(site.n8n.post("/api/webhooks/publish-status", json=body))
    assert alice.read(post["id"])["externalUrl"] == f"https://www.linkedin.com/feed/update/{URN}/"
