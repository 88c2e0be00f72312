"""The pattern of a search: letters in any case, white space of any kind, and no special characters."""

import re
import time

import pytest

from app.domain.text_search import contains, search_pattern


@pytest.mark.parametrize(
    ("text", "search", "expected"),
    [
        ("Hello World", "WORLD", True),
        ("Hello\n  World", "hello world", True),
        ("HelloWorld", "hello world", False),
        ("Über", "über", True),
        ("STRASSE", "straße", True),
        ("Straße", "STRAßE", True),
        ("100%", "%", True),
        ("100", "%", False),
        ("ab", "a.", False),
        ("a", "a|b", False),
        ("(", "(", True),
        ("]", "]", True),
        ("\\d", "\\d", True),
        ("7", "\\d", False),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
    ],
)
def test_search_finds_the_text_itself(text: str, search: str, expected: bool):
    assert contains(text, search_pattern(search)) is expected


def test_every_ascii_character_is_plain():
    for number in range(33, 127):
        pattern = search_pattern(chr(number))
        assert contains(f"x{chr(number)}y", pattern)
        assert re.compile(pattern).groups == 0
        others = "".join(chr(n) for n in range(33, 127) if chr(n).lower() != chr(number).lower())
        assert not contains(others, pattern)


def test_search_takes_time_in_proportion_to_the_text():
    pattern = search_pattern("a " * 99 + "b")
    began = time.process_time()
    assert not contains("a " * 50_000, pattern)
    assert time.process_time() - began < 5
