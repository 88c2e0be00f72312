"""The console's page and its files: their headers, what is kept, and what is not there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from app.web.console.built import Built
from app.web.console.pages import BUILT
from tests.web.conftest import MakeSite
from tests.web.site import Site, json_of, refused

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; media-src https:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
MANIFEST = {
    "console": {"script": "console-a1.js", "style": "console-b2.css"},
    "docs": {"script": "docs-c3.js", "style": "docs-d4.css"},
}
MARKUP = '"><script>.js'
SCRIPT = b"document.title = 'built';" * 20
PAGES = ("/", "/console", "/console/login", "/console/posts/new", "/console/posts/0c5f3d5e", "/console/a/b/c")


def write_build(folder: Path, manifest: Any = MANIFEST) -> None:
    folder.mkdir(exist_ok=True)
    for page in MANIFEST.values():
        for name in page.values():
            (folder / name).write_bytes(SCRIPT)
            (folder / f"{name}.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a build that is not there yet, beside a file that no request may read."""
    for name in ("secret.js", "secret.js.gz"):
        (tmp_path / name).write_text("secret")
    return tmp_path / "dist"


@pytest.fixture
def pages(small_site: Site, folder: Path) -> Site:
    small_site.app.extensions[BUILT] = Built(folder)
    return small_site


def test_page_is_the_same_at_every_address_and_runs_two_files(pages: Site, folder: Path):
    write_build(folder)
    first, *others = [pages.anonymous.get(path) for path in PAGES]
    assert {answer.data for answer in others} == {first.data}
    page = first.get_data(as_text=True)
    assert '<div id="app">' in page
    assert "<title>Punctual</title>" in page
    assert "<noscript>" in page
    script = '<script type="module" src="/console/assets/console-a1.js"></script>'
    assert page.count("<script") == page.count(script) == 1
    assert page.count('rel="stylesheet"') == page.count('href="/console/assets/console-b2.css"') == 1
    assert "<style" not in page
    assert "style=" not in page


def test_page_has_the_strict_policy_and_is_asked_for_again(sqlite_url: str, make_site: MakeSite, folder: Path):
    site = make_site(sqlite_url, local=False, n8n_webhook_url=None)
    write_build(folder)
    site.app.extensions[BUILT] = Built(folder)
    answer = site.anonymous.get("/")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Set-Cookie" not in answer.headers


def test_local_stack_shows_media_of_this_machine_too(pages: Site, folder: Path):
    write_build(folder)
    policy = pages.anonymous.get("/").headers["Content-Security-Policy"]
    assert "img-src 'self' https: data: http://127.0.0.1:* http://localhost:*; " in policy
    assert "script-src 'self'; " in policy


def test_second_visit_gets_304_until_the_next_build(pages: Site, folder: Path):
    write_build(folder)
    etag = pages.anonymous.get("/").headers["ETag"]
    again = pages.anonymous.get("/console/posts/new", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    (folder / "console-e5.js").write_bytes(b"")
    (folder / "console-e5.js.gz").write_bytes(b"")
    write_build(folder, MANIFEST | {"console": {"script": "console-e5.js", "style": "console-b2.css"}})
    answer = pages.anonymous.get("/", headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert "console-e5.js" in answer.get_data(as_text=True)


def test_file_is_kept_for_good_and_gzipped_where_accepted(pages: Site, folder: Path):
    write_build(folder)
    path = "/console/assets/console-a1.js"
    for accepted, coding in (
        ("gzip, br", "gzip"),
        ("*", "gzip"),
        ("br", None),
        ("gzip;q=0, *;q=1", None),
        (None, None),
    ):
        answer = pages.anonymous.get(path, headers={"Accept-Encoding": accepted} if accepted else {})
        assert answer.headers.get("Content-Encoding") == coding, accepted
        assert (gzip.decompress(answer.data) if coding else answer.data) == SCRIPT
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert pages.anonymous.get("/console/assets/console-b2.css").headers["Content-Type"] == "text/css; charset=utf-8"


def test_head_answers_the_headers_of_get(pages: Site, folder: Path):
    write_build(folder)
    for path in ("/", "/console/assets/console-a1.js"):
        head, get = pages.anonymous.open("HEAD", path), pages.anonymous.get(path)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(get.data)))
        refused(pages.anonymous.post(path), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "name",
    [
        *("console-zz.js", "manifest.json", "console-a1.js.gz", "", "CONSOLE-A1.js", "console-a1.js/", "a/b.js"),
        *("../secret.js", "..%2fsecret.js", "%2e%2e/secret.js", "..\\secret.js", "/etc/passwd", "console-a1.js%00"),
    ],
)
def test_name_outside_the_manifest_answers_404(pages: Site, folder: Path, name: str):
    write_build(folder)
    answer = pages.anonymous.get(f"/console/assets/{name}")
    if answer.status_code == 200:  # the client resolved the dots itself, so this is a page
        assert answer.mimetype == "text/html"
    else:
        refused(answer, 404, "not_found")
    assert b"secret" not in answer.data


def test_without_a_build_the_page_says_how_to_make_one_and_the_api_works(pages: Site):
    for path in PAGES:
        answer = pages.anonymous.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert "make console" in answer.get_data(as_text=True)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    refused(pages.anonymous.get("/console/assets/console-a1.js"), 404, "not_found")
    assert json_of(pages.user("alice").get("/api/posts"))["data"] == []


@pytest.mark.parametrize(
    "manifest",
    [
        *("", "{", "[]", "null", "7", '"x"', '{"console": {}}', '{"console": null}', "\x00"),
        json.dumps({"console": {"script": "../secret.js", "style": "console-b2.css"}}),
        json.dumps({"console": {"script": "console-b2.css", "style": "console-b2.css"}}),
        json.dumps({"console": {"script": "gone.js", "style": "console-b2.css"}}),
        json.dumps({"console": {"script": 7, "style": "console-b2.css"}}),
        json.dumps({"console": {"script": MARKUP, "style": "console-b2.css"}}),
    ],
)
def test_broken_build_is_no_build_and_is_logged_once(pages: Site, folder: Path, manifest: str):
    write_build(folder, manifest)
    for name in (MARKUP, f"{MARKUP}.gz"):
        (folder / name).write_text("x")
    for _ in range(2):
        assert "make console" in pages.anonymous.get("/").get_data(as_text=True)
    refused(pages.anonymous.get("/console/assets/console-a1.js"), 404, "not_found")
    assert len(pages.events("console.build_unreadable")) == 1


def test_file_removed_after_its_manifest_was_read_answers_404(pages: Site, folder: Path):
    write_build(folder)
    assert pages.anonymous.get("/console/assets/console-a1.js").status_code == 200
    (folder / "console-a1.js").unlink()
    refused(pages.anonymous.get("/console/assets/console-a1.js"), 404, "not_found")


def test_docs_come_from_the_build_and_without_one_from_a_page_without_scripts(pages: Site, folder: Path):
    plain = pages.anonymous.get("/docs")
    assert "make console" in plain.get_data(as_text=True)
    assert "'sha256-" in plain.headers["Content-Security-Policy"]
    assert "unsafe" not in plain.headers["Content-Security-Policy"]
    write_build(folder)
    built = pages.anonymous.get("/docs").get_data(as_text=True)
    assert "/console/assets/docs-c3.js" in built
    assert "console-a1.js" not in built


def test_every_answer_has_the_servers_time_and_browsers_may_read_it(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, cors_origins=("https://app.example.com",))
    for path in ("/api/posts", "/healthz", "/", "/nowhere", "/console/session"):
        assert site.anonymous.get(path).headers["X-Server-Time"] == "2026-11-02T08:00:00.000Z"
    answer = site.user("alice").get("/api/posts", headers={"Origin": "https://app.example.com"})
    assert "X-Server-Time" in answer.headers["Access-Control-Expose-Headers"].split(", ")
