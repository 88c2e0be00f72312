"""Names of any script are accepted, and names that hide or reorder text are not."""

import pytest

from app.domain.companies import name_key
from app.domain.names import is_name


@pytest.mark.parametrize(
    "name",
    [
        "Agency",
        "Größe & Co",
        "می\u200cخواهم",  # Persian, with a zero-width non-joiner
        "क्\u200dष",  # Devanagari, with a zero-width joiner
        "👩\u200d👩\u200d👧 Family",
        "株式会社\u3000例",
        "Mont\u00a0Blanc",
        "A\u202fB",
        "שלום\u200f!",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
        "\U0001faef",  # perhaps newer than this Python's Unicode
    ],
    ids=ascii,
)
def test_name_of_any_script_is_accepted(name: str):
    assert is_name(name)


@pytest.mark.parametrize("char", [*"\0\t\n\r\x1b\x7f\x85\u2028\u2029", *"\u202a\u202b\u202c\u202d\u202e"], ids=ascii)
def test_control_or_reordering_character_is_refused(char: str):
    assert not is_name(f"a{char}b")


@pytest.mark.parametrize("char", [*"\u2066\u2067\u2068\u2069", "\ud800"], ids=ascii)
def test_isolate_or_half_of_a_surrogate_pair_is_refused(char: str):
    assert not is_name(f"a{char}b")


@pytest.mark.parametrize("name", ["", "\u200d", "\u200c\u00a0\u200c", "\u3000"], ids=ascii)
def test_name_without_a_visible_character_is_refused(name: str):
    assert not is_name(name)


def test_names_that_look_the_same_have_one_key():
    assert len({name_key(f"Mont{space}Blanc") for space in " \u00a0\u3000\u202f"}) == 1
    assert name_key("Ac\u200dme") == name_key("ACME") == name_key("acme\u200b")
