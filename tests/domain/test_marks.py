"""Runs of combining marks: their length in every form, and texts that cannot be normalised in bounded time."""

import pytest

from app.domain.content.addresses import BadUrl, check_url
from app.domain.content.marks import MAX_MARKS, longest_run
from app.domain.warnings import content_hash

ACUTE, GRAVE_BELOW, IOTA_BELOW, DIALYTIKA_TONOS = "\u0301", "\u0316", "\u0345", "\u0344"


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("", 0),
        ("plain", 0),
        ("日本語 한국어", 0),
        ("é", 1),
        ("e" + ACUTE, 1),
        (ACUTE, 1),
        ("é" + ACUTE * 29, 30),
        ("é" + ACUTE * 30, 31),
        ("a" + ACUTE * 3 + "b" + ACUTE * 5 + "c", 5),
        ("a" + ACUTE * 3 + " " + ACUTE * 2, 3),
        ("a" + ACUTE * 20 + "\u200d" + ACUTE * 20, 20),
        ("a" + (ACUTE + GRAVE_BELOW + IOTA_BELOW) * 11, 33),
        ("a" + DIALYTIKA_TONOS * 16, 32),
        ("\u0390" + ACUTE, 3),
        ("\U0001d15e" + "\U0001d165" * 4, 5),
        ("कि" * 50, 0),
        ("👩‍👩‍👧‍👦" * 50, 0),
    ],
)
def test_longest_run_counts_marks_of_decomposed_characters(text: str, longest: int):
    assert longest_run(text) == longest


def test_a_text_has_a_hash_up_to_thirty_marks_in_a_row():
    assert MAX_MARKS == 30
    assert content_hash("a" + ACUTE * 30) is not None
    assert content_hash("a" + ACUTE * 31) is None


def test_a_hash_fits_a_signed_column_of_64_bits():
    hashes = [content_hash(f"text {n}") for n in range(100)]
    assert all(one is not None and -(2**63) <= one < 2**63 for one in hashes)
    assert len(set(hashes)) == 100


@pytest.mark.parametrize("part", ["https://a{}.example/x", "https://a.example/{}"], ids=["host", "path"])
def test_stored_url_with_too_many_marks_is_refused(part: str):
    with pytest.raises(BadUrl) as refused:
        check_url(part.format(ACUTE * 31))
    assert refused.value.code == "media_url_invalid"
