"""Drafts in a real browser: they save themselves, and nothing typed gets lost."""

import pytest

from tests.browser.author import NEW, Author

pytestmark = pytest.mark.xdist_group("local-stack")


def test_text_survives_a_reload_before_it_is_saved(author: Author):
    author.begin("First words")
    author.write("First words, and more")
    author.browser.refresh()
    author.wait("the text", lambda: author.find("textarea").get_attribute("value") == "First words, and more")
    author.wait("the text on the server", lambda: author.read(author.post_id)["content"] == "First words, and more")


def test_new_text_survives_a_reload_without_a_server(author: Author):
    author.open(NEW)
    author.find("textarea")
    author.offline(True)
    try:
        author.write("Typed in a tunnel")
        author.reads("Kept in this browser.")
    finally:
        author.offline(False)
    author.browser.refresh()
    author.wait("the text", lambda: author.find("textarea").get_attribute("value") == "Typed in a tunnel")
    author.reads("Draft saved")
    assert author.read(author.post_id)["content"] == "Typed in a tunnel"


def test_text_survives_the_end_of_the_session(author: Author):
    author.begin("Before the end")
    post_id = author.post_id
    author.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    author.write("Before the end, and after it")
    author.reads("Your session has ended.")
    author.reads("Kept in this browser.")
    author.log_in(f"{NEW}?id={post_id}")
    author.wait("the text on the server", lambda: author.read(post_id)["content"] == "Before the end, and after it")


def test_scheduled_post_is_edited_only_by_an_order(author: Author):
    post_id = author.create("As promised", scheduledAt="2027-07-01T09:00:07", timeZone="Europe/Berlin")
    author.open(f"{NEW}?id={post_id}")
    author.write("As promised, and better")
    author.reads("this post goes out as it was until you save")
    assert author.read(post_id)["content"] == "As promised"
    author.click("Save text only")
    author.arrives_at_the_post()
    post = author.read(post_id)
    assert (post["content"], post["scheduledAt"]) == ("As promised, and better", "2027-07-01T07:00:07.000Z")


def test_change_from_elsewhere_is_not_replaced_before_a_person_decides(author: Author):
    post_id = author.create("The first words")
    author.open(f"{NEW}?id={post_id}")
    author.find("textarea")
    author.offline(True)
    try:
        author.write("Mine")
        author.reads("Kept in this browser.")
        author.browser.get("about:blank")
    finally:
        author.offline(False)
    author.call("PATCH", f"/api/posts/{post_id}", {"content": "Theirs"})
    author.open(f"{NEW}?id={post_id}")
    author.reads("This post was changed elsewhere meanwhile.")
    assert author.find("textarea").get_attribute("value") == "Mine"
    assert author.read(post_id)["content"] == "Theirs"
    author.click("Take the saved version")
    author.wait("the saved text", lambda: author.find("textarea").get_attribute("value") == "Theirs")


def test_second_window_replaces_nothing_before_a_person_decides(author: Author):
    post_id = author.create("The first words")
    author.open(f"{NEW}?id={post_id}")
    author.find("textarea")
    author.call("PATCH", f"/api/posts/{post_id}", {"content": "From another window"})
    author.write("From this window")
    author.reads("changed in another window")
    assert author.read(post_id)["content"] == "From another window"
    author.click("Save this one over it")
    author.reads("Draft saved")
    assert author.read(post_id)["content"] == "From this window"


def test_text_of_another_window_does_not_go_out_unseen(author: Author):
    author.begin("Seen here")
    author.choose("2027-07-01T09:00:07", "Europe/Berlin")
    author.call("PATCH", f"/api/posts/{author.post_id}", {"content": "Never seen here"})
    author.click("Schedule")
    author.reads("changed in another window")
    assert author.read(author.post_id)["status"] == "draft"
    author.click("Take the saved version")
    author.wait("their text", lambda: author.find("textarea").get_attribute("value") == "Never seen here")
