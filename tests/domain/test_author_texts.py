"""A raw error for an author: the platform's words stay, the installation's addresses and paths go."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.explanations.author_texts import MAX_AUTHOR_TEXT, for_authors

KEPT = [
    '{"hint":"Authorization: ***"}',
    '400 - {"error": {"message": "no: access_token=***", "code": 36003, "error_subcode": 2207009}}',
    "Content is a duplicate of urn:li:share:7123456789012345678",
    "(#32) Page request limit reached",
    "Text has 3001 characters, at most 3000 are allowed.",
    "Try again at 12:30:45, or after 2026-11-02T08:00:00Z",
    "code:1366046 status:4000 subcode:2069 error:1234 line:1000",
    "A ratio of 4:5 to 1.91:1 is needed and/or a crop",
    "Grüße 日本語 12/11 a/b",
    "version 3.11",
    "",
]
CHANGED = [
    ("POST https://n8n.corp.example:5678/webhook/x?token=abc failed", "POST [address] failed"),
    ('{"url":"http:\\/\\/10.0.0.5\\/a","code":190}', '{"url":"[address]","code":190}'),
    ("connect ECONNREFUSED 10.0.0.5:5432", "connect ECONNREFUSED [address]"),
    ("connect ECONNREFUSED ::1:5678", "connect ECONNREFUSED [address]"),
    ("getaddrinfo ENOTFOUND n8n-main.default.svc.cluster.local", "getaddrinfo ENOTFOUND [address]"),
    ("getaddrinfo EAI_AGAIN postgres", "getaddrinfo EAI_AGAIN [address]"),
    ("no route to 192.168.1.7", "no route to [address]"),
    ("no route to 192.168.1.7.", "no route to [address]."),
    ("from 127.0.0.1:8000, twice", "from [address], twice"),
    ("at fe80::1%eth0 and [fd00:ec2::254]:80", "at [address] and [address]"),
    ("::ffff:10.0.0.1 refused", "[address] refused"),
    ("host localhost:5678 refused", "host [address] refused"),
    ("host localhost refused", "host [address] refused"),
    ("host n8n:5678 refused", "host [address] refused"),
    ("host db.internal refused", "host [address] refused"),
    ("postgresql://user:pw@db/punctual is away", "[address] is away"),
    ("redis://cache:6379 is away", "[address] is away"),
    ("Cannot read /home/node/.n8n/config", "Cannot read [path]"),
    ("Cannot read C:\\Users\\ann\\config.json", "Cannot read [path]"),
    ("Error: x\n    at Object.run (/usr/lib/node_modules/n8n/a.js:1:2)\n    at y", "Error: x"),
    ("Error: x\\n    at async Object.run (/usr/lib/a.js:1:2)", "Error: x"),
    ('Traceback (most recent call last):\n  File "/app/x.py", line 3', ""),
    ("Error: x at Module._compile (node:internal/modules/cjs/loader:1105:14)", "Error: x"),
]


@pytest.mark.parametrize("raw", KEPT)
def test_words_of_the_platform_stay(raw: str):
    assert for_authors(raw) == raw


@pytest.mark.parametrize(("raw", "shown"), CHANGED)
def test_addresses_paths_and_traces_of_the_installation_go(raw: str, shown: str):
    assert for_authors(raw) == shown


def test_long_text_is_cut_and_none_stays_none():
    shown = for_authors("x " * 500)
    assert shown is not None
    assert len(shown) == MAX_AUTHOR_TEXT
    assert shown.endswith("…")
    assert for_authors(None) is None


@given(st.text(max_size=1000))
def test_any_text_is_reduced_without_an_error(raw: str):
    shown = for_authors(raw)
    assert shown is not None
    assert len(shown) <= max(MAX_AUTHOR_TEXT, len(raw) * 10)


@pytest.mark.parametrize("part", ["a:", "1.", ":", "/a", "a.", "\\", " at ", "[", "::", "http://", "C:\\a", "a-", "E"])
def test_hostile_text_of_a_thousand_characters_costs_little(part: str):
    began = time.process_time()
    for_authors((part * 1000)[:1000])
    assert time.process_time() - began < 1.0
