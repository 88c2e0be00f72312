"""The way in: a link signs in nobody else without asking, and a refusal of the provider is shown."""

import pytest

from tests.browser.console import Console
from tests.browser.people import Person
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")
LOGIN = "/console/login"


def test_link_of_another_user_asks_before_it_changes_the_user(shared_console: Console, shared_up: Running):
    amy, ben = Person(shared_up, "amy"), Person(shared_up, "ben")
    amy.enters(shared_console)
    follow(shared_console, ben)
    shared_console.reads("You are logged in as amy. The link that you opened logs this browser in as ben.")
    assert shared_console.browser.current_url.endswith(LOGIN)  # the token is out of the address
    shared_console.picture("login-another-user")
    shared_console.click("Stay amy")
    assert_is(shared_console, "amy")
    follow(shared_console, ben)
    shared_console.click("Continue as ben")
    assert_is(shared_console, "ben")
    follow(shared_console, ben)  # no question about oneself
    assert_is(shared_console, "ben")
    assert shared_console.violations() == []


def test_refusal_of_the_provider_stands_above_the_field_of_the_token(shared_console: Console):
    shared_console.forget()
    shared_console.open(f"{LOGIN}?error=sign_in_declined")
    text = shared_console.reads("the request was declined there")
    assert text.index("declined there") < text.index("Token")
    assert shared_console.labelled("Token").get_attribute("aria-invalid") is None


def follow(console: Console, person: Person) -> None:
    console.browser.get("about:blank")
    console.browser.get(f"{console.up.ports.url('app')}{LOGIN}#token={person.token}")


def assert_is(console: Console, name: str) -> None:
    console.find(".frame")
    console.open("/console/operations")
    console.reads(f"You are logged in as {name}")
