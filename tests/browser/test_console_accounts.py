"""Accounts and companies: connect, reconnect, slots, and an invitation from one person to another."""

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.browser.console import Console
from tests.browser.people import Person
from tests.local.stacks import Running
from tests.local.support import wait_for

pytestmark = pytest.mark.xdist_group("local-stack")


def shows(field: WebElement, text: str) -> bool:
    """True if the choice of a field has this text."""
    return Select(field).first_selected_option.text == text


def test_account_is_connected_with_a_token_gets_slots_and_is_reconnected(shared_console: Console, shared_up: Running):
    dan = Person(shared_up, "dan")
    dan.enters(shared_console, "/console/accounts")
    shared_console.reads("No account yet")
    shared_console.click("Connect an account")
    shared_console.find(".with-token summary").click()
    shared_console.fill("Id on the platform", "urn:li:person:dan")
    shared_console.fill("Name", "Dan Brown")
    shared_console.fill("Access token", "a-token")
    shared_console.picture("accounts-connect")
    shared_console.click("Connect with this token")
    shared_console.reads("The account is connected.")
    [account] = dan.call("GET", "/api/social-accounts")["data"]
    shared_console.find(f"[data-account='{account['id']}']")
    shared_console.click("Weekly slots of Dan Brown")
    shared_console.reads("No slot yet.")
    shared_console.click("Add")
    shared_console.click("Save the slots")
    shared_console.reads("The weekly slots are saved.")
    assert len(dan.call("GET", f"/api/social-accounts/{account['id']}/slots")["times"]) == 5
    dan.failures(1, "Hello [n8n:revoked x1] {n}")
    shared_console.reads("no longer accepts the connection")
    shared_console.picture("accounts-reconnect")
    shared_console.open("/console/attention")
    shared_console.reads("1 post waits for Dan Brown on LinkedIn")
    shared_console.click("Reconnect")
    shared_console.reads("Reconnect Dan Brown")
    shared_console.find(".with-token summary").click()
    shared_console.fill("Access token", "another-token")
    shared_console.click("Reconnect with this token")
    shared_console.reads("Reconnected. Posts that waited for it go on.")
    wait_for("the account", lambda: dan.call("GET", "/api/social-accounts")["data"][0]["status"] == "active", 10.0)
    assert shared_console.violations() == []


def test_consent_begins_at_linkedin_and_comes_back(shared_console: Console, shared_up: Running):
    gil = Person(shared_up, "gil")
    gil.enters(shared_console, "/console/accounts")
    shared_console.click("Connect an account")
    shared_console.click("Continue at LinkedIn")
    shared_console.reads("Allow access?")
    assert shared_console.browser.current_url.startswith(shared_up.ports.url("linkedin"))


def test_person_is_invited_by_link_and_joins_a_company(shared_console: Console, shared_up: Running):
    olga, finn = Person(shared_up, "olga"), Person(shared_up, "finn")
    olga.enters(shared_console, "/console/companies")
    shared_console.reads("No company yet")
    shared_console.click("New company")
    shared_console.fill("Name", "Acme Ltd")
    shared_console.double_click("Create")
    shared_console.reads("You are owner")
    assert len(olga.call("GET", "/api/companies")["data"]) == 1
    shared_console.click("Add a client")
    shared_console.fill("Name", "Zoo")
    shared_console.click("Save")
    shared_console.reads("Zoo is added.")
    shared_console.click("Zoo")
    client = shared_console.labelled("Client")
    shared_console.wait("the posts of the client", lambda: shows(client, "Zoo") and "client=" in shared_console.path)
    shared_console.browser.back()
    shared_console.click("Invite somebody")
    shared_console.click("Invite")
    shared_console.reads("Pass this link on")
    link = shared_console.labelled("Link").get_attribute("value") or ""
    shared_console.picture("companies-invitation")
    finn.enters(shared_console, link.removeprefix(shared_up.ports.url("app")))
    shared_console.reads("You have opened an invitation to a company.")
    shared_console.click("Accept")
    shared_console.reads("You are editor")
    shared_console.picture("companies-member")
    [company] = finn.call("GET", "/api/companies")["data"]
    assert (company["name"], company["role"]) == ("Acme Ltd", "editor")
    assert shared_console.violations() == []


def test_next_person_in_the_same_tab_sees_nothing_of_the_former_one(shared_console: Console, shared_up: Running):
    hal, ivy = Person(shared_up, "hal"), Person(shared_up, "ivy")
    hal.call("POST", "/api/posts", {"content": "A secret of Hal"})
    hal.enters(shared_console)
    shared_console.reads("A secret of Hal")
    shared_console.click("Log out")
    shared_console.labelled("Token").send_keys(ivy.token, Keys.ENTER)
    shared_console.find(".tray")
    assert "A secret of Hal" not in shared_console.text
