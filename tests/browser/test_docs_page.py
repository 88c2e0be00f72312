"""The API's documentation in a real browser: each route, error code and example of the document, under its policy."""

import pytest
import requests

from tests.browser.console import Console
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")
METHODS = ("get", "post", "put", "patch", "delete")


def test_docs_show_every_route_and_error_code_of_the_document(shared_console: Console, shared_up: Running):
    url = shared_up.ports.url("app")
    document = requests.get(f"{url}/openapi.json", timeout=30).json()
    shared_console.browser.get(f"{url}/docs")
    shared_console.find(".operation")
    found = shared_console.browser.execute_script(
        "return [...document.querySelectorAll('.operation > summary')].map(e => "
        "e.querySelector('.method').textContent + ' ' + e.querySelector('.path').textContent)"
    )
    wanted = {f"{m.upper()} {path}" for path, item in document["paths"].items() for m in item if m in METHODS}
    assert set(found) == wanted
    answers = [
        a for item in document["paths"].values() for m in METHODS for a in item.get(m, {}).get("responses", {}).values()
    ]
    answers += document["components"]["responses"].values()
    codes = {code for answer in answers for code in answer.get("x-codes", [])}
    shown = shared_console.browser.execute_script(
        "return [...document.querySelectorAll('.code-list dt code')].map(e => e.textContent)"
    )
    assert codes
    assert codes == set(shown)
    shared_console.picture("docs")


def test_docs_search_and_links_open_an_operation_with_its_example(shared_console: Console, shared_up: Running):
    shared_console.browser.get("about:blank")
    shared_console.browser.get(f"{shared_up.ports.url('app')}/docs#schedulePost")
    text = shared_console.reads("The call")
    assert "nonexistent_local_time" in text
    assert '"timeZone": "Europe/Berlin"' in text
    shared_console.picture("docs-operation")
    shared_console.find("input[type=search]").send_keys("schedule_in_past")
    shared_console.reads("operations match.")
    assert len(shared_console.find_all(".operation")) < 10
    assert "schedulePost" in [one.get_attribute("id") for one in shared_console.find_all(".operation")]
    assert shared_console.violations() == []
