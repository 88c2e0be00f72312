"""The prose of app: short first sentences, no semicolons, no words of a private dialect."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
MAX_FIRST_SENTENCE_WORDS = 20
MAX_RELATIVE_WORDS = 20  # per 100 sentences. Well-read codebases have 7 to 19
RELATIVE = re.compile(r"\b(who|whoever|whom|whose|that|which|what|whatever)\b", re.IGNORECASE)
REFUSED = re.compile(r"\b(whoever|whomever|whatever|anew|told|nobody)\b", re.IGNORECASE)


class Docstring(NamedTuple):
    where: str
    text: str

    @property
    def first_paragraph(self) -> list[str]:
        """The sentences of the first paragraph."""
        paragraph = " ".join(self.text.split("\n\n")[0].split())
        return [sentence for sentence in re.split(r"(?<=[.!?])\s+", paragraph) if sentence]


def docstrings(path: Path) -> Iterator[Docstring]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield Docstring(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text)


def long_first_sentences(found: list[Docstring]) -> list[str]:
    firsts = [(doc.where, doc.first_paragraph[0]) for doc in found]
    return [f"{where} {first}" for where, first in firsts if len(first.split()) > MAX_FIRST_SENTENCE_WORDS]


def semicolons(found: list[Docstring]) -> list[str]:
    return [f"{doc.where} {doc.text.splitlines()[0]}" for doc in found if ";" in doc.text]


def comment_semicolons(path: Path) -> list[str]:
    """The comments of a file with a semicolon outside of quoted code."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    comments = [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]
    return [f"{path.relative_to(ROOT)}:{line} {text}" for line, text in comments if ";" in re.sub("`[^`]*`", "", text)]


def refused_words(path: Path) -> list[str]:
    lines = enumerate(path.read_text().splitlines(), 1)
    return [f"{path.relative_to(ROOT)}:{number} {line.strip()}" for number, line in lines if REFUSED.search(line)]


def relative_words(found: list[Docstring]) -> float:
    """Relative words per 100 sentences of the first paragraphs."""
    sentences = [sentence for doc in found for sentence in doc.first_paragraph]
    return 100 * sum(len(RELATIVE.findall(sentence)) for sentence in sentences) / max(len(sentences), 1)


PYTHON = sorted((ROOT / "app").rglob("*.py"))
TEXT = [*PYTHON, *sorted((ROOT / "app").rglob("*.html"))]
APP = [doc for path in PYTHON for doc in docstrings(path)]


def test_first_sentences_of_docstrings_are_short():
    assert_none(long_first_sentences(APP))


def test_docstrings_and_comments_have_no_semicolons():
    assert_none(semicolons(APP) + [problem for path in PYTHON for problem in comment_semicolons(path)])


def test_no_refused_word_is_in_app():
    assert_none([problem for path in TEXT for problem in refused_words(path)])


def test_relative_words_stay_rare():
    assert relative_words(APP) < MAX_RELATIVE_WORDS


def assert_none(problems: list[str]) -> None:
    assert not problems, "\n".join(["", *problems])


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Return the post.", (0, 0)),
        ("Return " + "very " * 18 + "post.", (0, 0)),
        ("Return " + "very " * 19 + "post.", (1, 0)),
        ("Return the post. " + "More " * 30 + "words.", (0, 0)),
        ("Return the post; raise nothing.", (0, 1)),
        ("Return the post.\n\nRaise nothing; never.", (0, 1)),
    ],
)
def test_long_sentences_and_semicolons_are_found(text: str, problems: tuple[int, int]):
    found = [Docstring("app/x.py:1", text)]
    assert (len(long_first_sentences(found)), len(semicolons(found))) == problems


@pytest.mark.parametrize(("line", "count"), [("whoever is due", 1), ("Told so", 1), ("a toldYou", 0), ("another", 0)])
def test_refused_words_are_found(line: str, count: int):
    assert len(REFUSED.findall(line)) == count


def test_relative_words_are_counted_per_hundred_sentences():
    assert relative_words([Docstring("", "Return what is due. Sleep."), Docstring("", "Stop.\n\nWhich?")]) == 100 / 3
