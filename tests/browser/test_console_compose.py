"""The composer in a real browser: a post is written, checked, scheduled and published, and nothing typed gets lost."""

from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from app.domain.content.text import count_hashtags, count_mentions, text_length
from tests.adapters.servers import Seen, http_server
from tests.browser.author import NEW, Author
from tests.domain.test_image_size import PNG
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")

ATTACK = "<img src=x onerror=alert(1)>"
TEXTS = [
    "plain",
    "\N{GRINNING FACE}\N{FAMILY}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{WOMAN} flags \U0001f1e9\U0001f1ea",
    "cafe\u0301 na\u00efve \u1ea5 a\u0323\u0302",
    "https://example.com/#a?b=@c and http://x.test/@me #tag @name a@b.test",
    "#a#b ##c #\u00e9t\u00e9 #\u0939\u093f\u0928\u094d\u0926\u0940 \uff03wide #\N{GRINNING FACE} #1 C#7 &#39; #\u200d",
    "@a .@b x@c @\u00e9 @_ (@d)\u3000@e\x1f@f\x85https://a\x85#g",
    "line\r\nbreaks\n\n\tand tabs",
]


@pytest.fixture(scope="module")
def instagram(authors_stack: Running) -> str:
    body = {
        "platform": "instagram",
        "externalId": "17841400000000001",
        "accountName": "Bakery",
        "accessToken": "t" * 20,
    }
    return str(authors_stack.api().post("/api/social-accounts", body)["id"])


def counted(author: Author) -> dict[str, int]:
    script = "return [...document.querySelectorAll('[data-count]')].map((one) => [one.dataset.count, one.innerText])"
    shown = dict(author.browser.execute_script(script))
    return {name: int(text.split()[0].replace(",", "")) for name, text in shown.items()}


def shows(author: Author, label: str, value: str) -> None:
    author.wait(f"{value!r} in {label!r}", lambda: author.labelled(label).get_attribute("value") == value)


def counts(author: Author, length: int) -> None:
    author.wait(f"the count {length}", lambda: counted(author)["characters"] == length)


def test_post_is_scheduled_to_the_second_in_a_zone_of_choice(author: Author):
    author.begin(f"We ship {ATTACK}")
    author.choose("2027-06-01T09:00:07", "Asia/Tokyo")
    author.reads("09:00:07 Asia/Tokyo +09:00")
    author.click("Schedule")
    post = author.read(author.arrives_at_the_post())
    assert (post["status"], post["scheduledAt"], post["timeZone"]) == (
        *("scheduled", "2027-06-01T00:00:07.000Z", "Asia/Tokyo"),
    )
    assert post["content"] == f"We ship {ATTACK}"
    assert ATTACK in author.text
    assert not author.find_all("main img")


def test_time_in_a_gap_is_answered_by_either_neighbour(author: Author):
    author.begin("In the night of the clocks")
    for button, time in (("The second before: 01:59:59", "01:59:59"), ("The second after: 03:00:00", "03:00:00")):
        author.choose("2027-03-28T02:30:07", "Europe/Berlin")
        author.reads("This time does not exist.")
        author.click("Schedule")
        author.reads("Choose one of the two below.")
        author.click(button)
        shows(author, "Time", time)
    author.click("Schedule")
    assert author.read(author.arrives_at_the_post())["scheduledAt"] == "2027-03-28T01:00:00.000Z"


def test_time_that_comes_twice_is_asked_for(author: Author):
    author.begin("Twice in one night")
    author.choose("2027-10-31T02:30:07", "Europe/Berlin")
    author.reads("show this time twice")
    author.click("Schedule")
    author.reads("This time comes twice.")
    first, second = author.find_all(".question input")
    first.click()
    author.reads("02:30:07 Europe/Berlin +02:00")
    second.click()
    author.reads("02:30:07 Europe/Berlin +01:00")
    author.click("Schedule")
    assert author.read(author.arrives_at_the_post())["scheduledAt"] == "2027-10-31T01:30:07.000Z"


def test_counts_equal_those_of_the_server(author: Author, instagram: str):
    author.open(NEW)
    for account in ("LinkedIn", "Instagram"):
        author.fill_account(account)
        for text in TEXTS:
            author.write(text)
            sent = text.replace("\r\n", "\n")  # what a field keeps of it
            length = text_length(sent) if account == "LinkedIn" else len(sent)
            counts(author, length)
            if account == "Instagram":
                expected = {"hashtags": count_hashtags(sent), "mentions": count_mentions(sent)}
                shown = counted(author)
                assert {name: shown.get(name, 0) for name in expected} == expected, text
    author.write("")


def test_text_above_the_limit_is_counted_and_not_scheduled(author: Author):
    author.begin("\N{GRINNING FACE}" * 1501)
    author.reads("3,002 of 3,000 characters")
    author.reads("Remove 2.")
    author.click("Schedule")
    author.wait("the focus on the text", lambda: author.focused().tag_name == "textarea")
    assert author.read(author.post_id)["status"] == "draft"


def test_files_are_looked_at_before_anything_is_scheduled(author: Author):
    def serve(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        page = seen.path == "/page"
        return 200, {"Content-Type": "text/html" if page else "image/png"}, b"<!doctype html>" if page else PNG

    with http_server(serve) as files:
        author.begin("With a picture")
        author.click("Add a file")
        author.fill("Address of file 1", f"{files.url}/page")
        author.reads("This address shows a web page, not a file.")
        author.fill("Address of file 1", f"{files.url}/a.png")
        author.reads("image/png · 640 × 480")
        author.click("Add a file")
        author.fill("Address of file 2", f"{files.url}/b.mp4")
        author.reads("A post on LinkedIn takes 1 to 20 images, 1 video or 1 document, or none.")
        author.click("Remove file 2")
        author.reads("Draft saved")
        author.wait(
            "the file on the server", lambda: [m["type"] for m in author.read(author.post_id)["media"]] == ["image"]
        )
    assert author.read(author.post_id)["imageUrl"].endswith("/a.png")


def test_post_is_published_now_once_it_is_confirmed(author: Author):
    author.begin("Now or never")
    author.click("Publish now")
    author.reads("Publish now?")
    author.click("Not yet")
    assert author.read(author.post_id)["status"] == "draft"
    author.click("Publish now")
    author.click("Yes, publish now")
    post_id = author.arrives_at_the_post()
    author.reads("See it on LinkedIn")
    assert (author.comes_to(post_id, "published")["status"], author.sends_of(post_id)) == ("published", 1)


def test_warning_comes_before_it_is_final(author: Author):
    author.create("The same words twice", scheduledAt="2027-08-01T09:00:00", timeZone="Europe/Berlin")
    author.begin("The same words twice")
    author.choose("2027-08-01T10:00:00", "Europe/Berlin")
    author.click("Schedule")
    author.reads("The same text goes to this account")
    assert author.read(author.post_id)["status"] == "draft"
    author.click("Go back")
    author.click("Schedule")
    author.click("Schedule anyway")
    assert author.read(author.arrives_at_the_post())["status"] == "scheduled"


def test_old_post_is_copied_and_stays_as_it_is(author: Author):
    old = author.create("A classic", scheduledAt="2027-07-02T09:00:00", timeZone="Europe/Berlin")
    author.open(f"{NEW}?from={old}")
    author.wait("the text", lambda: author.find("textarea").get_attribute("value") == "A classic")
    author.click("Save draft")
    copy = author.arrives_at_the_post()
    assert copy != old
    assert (author.read(copy)["status"], author.read(old)["status"]) == ("draft", "scheduled")


def test_post_is_written_and_scheduled_by_keys_alone(author: Author):
    author.open(f"{NEW}?at=2027-09-01T09:00:07&zone=Europe/Berlin")
    tab_to(author, lambda: author.focused().tag_name == "select")
    author.press("L")  # the account: LinkedIn
    tab_to(author, lambda: author.focused().tag_name == "textarea")
    author.press("By keys alone")
    author.reads("Draft saved")
    tab_to(author, lambda: author.focused().text == "Schedule")
    author.press(Keys.ENTER)
    post = author.read(author.arrives_at_the_post())
    assert (post["content"], post["scheduledAt"]) == ("By keys alone", "2027-09-01T07:00:07.000Z")


def tab_to(author: Author, arrived: Any) -> None:
    author.find("textarea")
    for _ in range(60):
        if arrived():
            return
        author.press(Keys.TAB)
    pytest.fail("the keyboard never comes there")


def test_schedule_clicked_twice_schedules_once(author: Author):
    author.begin("Impatient")
    author.choose("2027-06-02T09:00:00", "Europe/Berlin")
    author.browser.execute_script(
        "const button = [...document.querySelectorAll('.finish-buttons button')][0]; button.click(); button.click();"
    )
    timeline = author.call("GET", f"/api/posts/{author.arrives_at_the_post()}/timeline")
    assert [one["reason"] for one in timeline["transitions"]] == ["created", "scheduled"]


def test_next_free_slot_of_the_account_is_taken(author: Author):
    page = {"platform": "facebook", "externalId": "1000001", "accountName": "Slots", "accessToken": "t" * 20}
    account = author.call("POST", "/api/social-accounts", page)["id"]
    times = [{"day": "wed", "at": "09:00:07"}]
    author.call("PUT", f"/api/social-accounts/{account}/slots", {"timeZone": "Europe/Berlin", "times": times})
    author.open(NEW)
    author.fill_account("Facebook")
    author.write("On Wednesdays")
    author.reads("Draft saved")
    author.click("Next free slot")
    author.reads("09:00:07 Europe/Berlin")
    author.click("Schedule")
    post = author.read(author.arrives_at_the_post())
    assert (post["platform"], post["status"], post["scheduledAt"][13:]) == ("facebook", "scheduled", ":00:07.000Z")


def test_composer_fits_a_small_phone(author: Author):
    author.size(320, 640, phone=True)
    author.begin("A very_long_word_" * 12)
    author.choose("2027-10-31T02:30:07", "Europe/Berlin")
    author.click("Add a file")
    assert not author.scrolls_sideways()
