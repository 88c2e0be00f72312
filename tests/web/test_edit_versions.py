"""Two windows on one post: an edit that names the version it was made from never replaces another edit unseen."""

from datetime import timedelta

import pytest

from app.domain.times import to_wire
from tests.web.site import Site, User, json_of, refused


@pytest.mark.parametrize("scheduled", [False, True])
def test_second_edit_of_one_version_changes_nothing(site: Site, alice: User, scheduled: bool):
    alice.account()
    post = alice.draft(content="First")
    if scheduled:
        alice.schedule(post["id"], site.clock.at + timedelta(hours=1))
    path, read = f"/api/posts/{post['id']}", alice.read(post["id"])["updatedAt"]
    site.clock.at += timedelta(seconds=1)
    json_of(alice.patch(path, json={"content": "From one window", "ifUpdatedAt": read}))
    body = {"content": "From another", "ifUpdatedAt": read}
    problem = refused(alice.patch(path, json=body), 409, "changed_meanwhile")
    assert problem["detail"] == "The post was changed since you read it. Read it again, then decide."
    now = alice.read(post["id"])
    assert now["content"] == "From one window"
    edited = json_of(alice.patch(path, json=body | {"ifUpdatedAt": now["updatedAt"]}))
    assert edited["content"] == "From another"


def test_edit_of_nothing_tells_that_the_version_is_old(site: Site, alice: User):
    post = alice.draft()
    path = f"/api/posts/{post['id']}"
    site.clock.at += timedelta(seconds=1)
    json_of(alice.patch(path, json={"content": "New"}))
    refused(alice.patch(path, json={"ifUpdatedAt": post["updatedAt"]}), 409, "changed_meanwhile")


def test_version_may_have_another_offset_and_finer_digits(site: Site, alice: User):
    post = alice.draft()
    read = post["updatedAt"].replace("Z", "400+00:00")
    answer = json_of(alice.patch(f"/api/posts/{post['id']}", json={"content": "New", "ifUpdatedAt": read}))
    assert answer["content"] == "New"


def test_new_version_is_in_the_answer_even_if_the_clock_stands_still(site: Site, alice: User):
    post = alice.draft()
    answer = json_of(alice.patch(f"/api/posts/{post['id']}", json={"content": "New", "ifUpdatedAt": post["updatedAt"]}))
    assert answer["updatedAt"] > post["updatedAt"]
    assert to_wire(site.clock.at) == post["updatedAt"]


@pytest.mark.parametrize("value", ["yesterday", "2026-10-01", "2026-10-01T09:00:00", 5, "", {}, None])
def test_version_that_is_no_instant_is_refused_by_its_name(alice: User, value: object):
    post = alice.draft(content="Kept")
    answer = alice.patch(f"/api/posts/{post['id']}", json={"content": "New", "ifUpdatedAt": value})
    problem = refused(answer, 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == ["ifUpdatedAt"]
    assert alice.read(post["id"])["content"] == "Kept"
