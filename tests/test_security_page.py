"""docs/security.md says what is true: each test that it names exists, and no row is without one."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`(tests/[a-z_0-9/]+\.py)` `([^`]+)`")
OWASP_2023 = (
    "Broken object level authorization",
    "Broken authentication",
    "Broken object property level authorization",
    "Unrestricted resource consumption",
    "Broken function level authorization",
    "Unrestricted access to sensitive business flows",
    "Server side request forgery",
    "Security misconfiguration",
    "Improper inventory management",
    "Unsafe consumption of APIs",
)


def rows(title: str) -> list[list[str]]:
    """Return the cells of the section's tables, without their heads."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = section.splitlines()
    below = zip(lines, [*lines[1:], ""], strict=True)
    cells = [line for line, after in below if line.startswith("| ") and not after.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in cells]


def missing(named: list[tuple[str, str]]) -> list[str]:
    """Return the names that are no test of their file."""
    return [f"{path} {name}" for path, name in named if name not in names_of_tests(ROOT / path)]


def names_of_tests(path: Path) -> set[str]:
    if not path.exists():
        return set()
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_test_that_the_page_names_exists():
    named = NAMED.findall(PAGE)
    assert len(named) >= 120
    assert missing(named) == []


def test_name_of_no_test_is_found():
    own = "tests/test_security_page.py"
    assert missing([(own, "test_name_of_no_test_is_found"), (own, "rows"), ("tests/gone.py", "test_x")]) == [
        f"{own} rows",
        "tests/gone.py test_x",
    ]


def test_every_row_names_a_test():
    table = rows("Who can send what") + rows("OWASP API Security Top 10 (2023)")
    assert len(table) >= 60
    assert [row for row in table if not NAMED.search(row[-1])] == []


def test_every_risk_of_owasp_has_a_row():
    risks = [row[0] for row in rows("OWASP API Security Top 10 (2023)")]
    assert risks == [f"API{number} {risk}" for number, risk in enumerate(OWASP_2023, 1)]


def test_what_is_not_defended_is_said():
    section = PAGE.split("\n## What is not defended\n")[1]
    for word in ("host", "database", "keys", "n8n", "status route", "underscores", "chunked", "N8N_PARALLELISM"):
        assert word in section
