"""The shape of the house, checked over syntax trees: who may import whom, which names and sizes are not allowed.

Every check takes sources, so that the tests can show it failing, and returns sentences, one for each problem.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

OURS = {"app", "migrations", "tests"}
INWARD = {"use case", "deps", "store", "domain", "base"}
MAY_IMPORT = {
    "base": {"base"},  # settings, log, version: seen by all, seeing nobody else
    "domain": {"domain"},
    "store": {"store", "domain", "base"},
    "adapters": {"adapters", "domain", "base"},
    "deps": {"store", "domain", "base"},
    "use case": INWARD,
    "web": INWARD | {"web"},
    "wiring": INWARD | {"wiring", "adapters"},
    "cli": INWARD | {"cli", "web", "wiring"},
    "entry": {"base", "cli", "web", "wiring"},
    "local": {"local"},
}
HOME_OF = {  # packages from outside, by where they may be imported
    ("flask", "click"): {"web", "cli", "entry"},
    ("flask_smorest", "flask_cors", "marshmallow", "werkzeug", "webargs", "apispec"): {"web"},
    ("sqlalchemy", "alembic", "psycopg2"): {"store"},
    ("qstash", "httpx"): {"adapters"},
    ("requests", "urllib3", "certifi", "jwt", "cryptography"): {"adapters", "local"},
    ("authlib",): {"adapters"},
    ("aiohttp", "yarl", "cronsim", "gunicorn"): {"local"},
}
HOMES = {package: layers for packages, layers in HOME_OF.items() for package in packages}
LAYER_OF = {"settings": "base", "log": "base", "version": "base"}

WRONG_ENTRY_POINTS = {"app.py", "asgi.py", "index.py", "main.py", "server.py"}
EMPTY_NAMES = {"do", "manager", "helper", "util", "service", "handler", "process"}
EMPTY_NAMES |= {"managers", "helpers", "utils", "services", "handlers", "processes"}
FILE_LINES, FUNCTION_LINES, DELIVERY_LINES = 300, 70, 2500


@dataclass(frozen=True)
class Source:
    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def code_lines(self) -> int:
        """Lines that say something to the machine: no blank ones, no comments, no docstrings."""
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        prose = {
            line
            for node in ast.walk(self.tree)
            if isinstance(node, documented) and ast.get_docstring(node) is not None
            for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
        }
        silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        spoken = {line for t in tokens if t.type not in silent for line in range(t.start[0], t.end[0] + 1)}
        return len(spoken - prose)

    @property
    def package(self) -> list[str]:
        return list(self.path.parent.parts)

    @property
    def layer(self) -> str:
        """The layer of a file in app/. A file right under app/ is a use case unless it is something else by name."""
        return layer_of([*self.package, self.path.stem])


def sources(root: Path, *folders: str) -> list[Source]:
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    return [Source(PurePosixPath(path.relative_to(root)), path.read_text()) for path in paths]


def layer_of(module: list[str]) -> str:
    inside = [name for name in module[1:] if name != "__init__"]
    if not inside:
        return "entry"
    name = LAYER_OF.get(inside[0], inside[0])
    return name if name in MAY_IMPORT else "use case"


def imported(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Every module that a file imports, wherever in the file, as line and dotted parts."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            base = source.package[: len(source.package) - node.level + 1] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            if module == ["app"]:  # `from app import config` names a module, `from app import create_app` does not
                yield from ((node.lineno, ["app", alias.name]) for alias in node.names if alias.name != "create_app")
            else:
                yield node.lineno, module


def import_problems(app: Iterable[Source]) -> list[str]:
    return [f"{source.path}:{line} {problem}" for source in app for line, problem in _import_problems(source)]


def _import_problems(source: Source) -> Iterator[tuple[int, str]]:
    layer = source.layer
    for line, module in imported(source):
        name = ".".join(module)
        if module[0] == "app":
            if layer_of(module) not in MAY_IMPORT[layer]:
                yield line, f"({layer}) imports {name} ({layer_of(module)})"
        elif module[0] in OURS:
            yield line, f"({layer}) imports {name}, which is no part of the app"
        elif module[0] not in sys.stdlib_module_names:
            homes = HOMES.get(module[0])
            if homes is None:
                yield line, f"imports {name}, which has no home yet: give it one in HOME_OF"
            elif layer not in homes:
                yield line, f"({layer}) imports {name}, whose home is {' and '.join(sorted(homes))}"


def name_problems(paths: Iterable[PurePosixPath]) -> list[str]:
    problems = []
    for path in paths:
        if path.name in WRONG_ENTRY_POINTS and str(path.parent) in (".", "app"):
            problems.append(f"{path} would be taken for the platform's entry point")
        problems += [
            f"{path}: '{name}' says nothing" for name in [*path.parent.parts, path.stem] if name in EMPTY_NAMES
        ]
    return problems


def size_problems(files: Iterable[Source]) -> list[str]:
    problems = []
    for source in files:
        if source.lines > FILE_LINES:
            problems.append(f"{source.path} has {source.lines} lines: a name is missing")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    problems.append(f"{source.path}:{node.lineno} {node.name} has {lines} lines")
    return problems


def delivery(app: Iterable[Source]) -> list[Source]:
    """What one must hold in the head to change delivery; companies, consents and advice to authors are beside it."""
    parts = ("app/domain/*.py", "app/store/posts/*.py", "app/delivery/*.py", "app/alarms.py")
    beside = ("app/domain/companies.py", "app/domain/oauth.py", "app/domain/warnings.py")
    held = [source for source in app if any(source.path.match(part) for part in parts)]
    return [source for source in held if str(source.path) not in beside]
