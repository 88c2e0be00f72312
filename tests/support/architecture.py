"""The architecture rules, checked over syntax trees: imports, names and sizes.

Each check takes sources, so that the tests can show it failing, and returns one sentence per problem.
"""

import ast
import graphlib
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tests.support.layers import HOMES, LAYER_OF, MAY_IMPORT, OURS, ROOMS

WRONG_ENTRY_POINTS = {"app.py", "asgi.py", "index.py", "main.py", "server.py"}
EMPTY_NAMES = {"do", "manager", "helper", "util", "service", "handler", "process"}
EMPTY_NAMES |= {"managers", "helpers", "utils", "services", "handlers", "processes"}
FILE_LINES, FUNCTION_LINES, DELIVERY_LINES = 300, 70, 4_640


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
        """The lines of code: no blank lines, no comments, no docstrings."""
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        prose = {
            line
            for node in ast.walk(self.tree)
            if isinstance(node, documented) and ast.get_docstring(node) is not None
            for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
        }
        ignored = {
            tokenize.COMMENT,
            tokenize.NL,
            tokenize.NEWLINE,
            tokenize.INDENT,
            tokenize.DEDENT,
            tokenize.ENDMARKER,
        }
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        code = {line for t in tokens if t.type not in ignored for line in range(t.start[0], t.end[0] + 1)}
        return len(code - prose)

    @property
    def package(self) -> list[str]:
        return list(self.path.parent.parts)

    @property
    def module(self) -> list[str]:
        """The dotted parts of the module, without `__init__`."""
        return [name for name in [*self.package, self.path.stem] if name != "__init__"]


def sources(root: Path, *folders: str) -> list[Source]:
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    return [Source(PurePosixPath(path.relative_to(root)), path.read_text()) for path in paths]


def layer_of(module: list[str]) -> str | None:
    """Return the layer of a module of app, None for one that belongs to no layer yet."""
    inside = [name for name in module[1:] if name != "__init__"]
    if not inside:
        return "entry"
    name = LAYER_OF.get(inside[0], inside[0])
    return name if name in MAY_IMPORT else None


def imported(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Yield line and dotted parts of every import in the file, at any depth."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            base = source.package[: len(source.package) - node.level + 1] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                # `from app import create_app` names a function of the package, other names may be modules.
                yield node.lineno, module if module == ["app"] and alias.name == "create_app" else [*module, alias.name]


def import_problems(app: Iterable[Source]) -> list[str]:
    return [f"{source.path}:{line} {problem}" for source in app for line, problem in _import_problems(source)]


def _import_problems(source: Source) -> Iterator[tuple[int, str]]:
    layer = layer_of(source.module)
    if layer is None:
        yield 1, "belongs to no layer: give its folder a place in ROOMS or MAY_IMPORT"
        return
    for line, module in dict.fromkeys((line, tuple(parts)) for line, parts in imported(source)):
        name = ".".join(module)
        if module[0] == "app":
            if layer_of(list(module)) not in MAY_IMPORT[layer]:
                yield line, f"({layer}) imports {name} ({layer_of(list(module))})"
            elif layer == "use case" and not _room_may_import(source.module[1], list(module)):
                yield line, f"({source.module[1]}) imports {name}, another room"
        elif module[0] in OURS:
            yield line, f"({layer}) imports {name}, which is no part of the app"
        elif module[0] not in sys.stdlib_module_names:
            homes = HOMES.get(module[0])
            if homes is None:
                yield line, f"imports {name}, which has no home yet: give it one in HOME_OF"
            elif layer not in homes:
                yield line, f"({layer}) imports {name}, whose home is {' and '.join(sorted(homes))}"


def _room_may_import(room: str, module: list[str]) -> bool:
    target = module[1] if len(module) > 1 else ""
    return target not in ROOMS or target == room or not {target, ".".join(module[1:3])}.isdisjoint(ROOMS[room])


def cycles(app: Iterable[Source]) -> list[str]:
    """Return one sentence for a circle between files, and one for a circle between rooms.

    Imports for type checkers alone do not count: they are not executed.
    """
    modules = {".".join(source.module): source for source in app}
    files = {name: _targets(source, set(modules)) - {name} for name, source in modules.items()}
    rooms: dict[str, set[str]] = {}
    for name, targets in files.items():
        rooms.setdefault(room_of(name), set()).update(room_of(target) for target in targets)
    for room, targets in rooms.items():
        targets.discard(room)
    return [sentence for kind, graph in (("files", files), ("rooms", rooms)) for sentence in _cycle(kind, graph)]


def room_of(module: str) -> str:
    """Return the room of a module: its folder under app, in the store the folder within it too."""
    parts = module.split(".")
    return ".".join(parts[1:3] if parts[1:2] == ["store"] and len(parts) > 3 else parts[1:2])


def _targets(source: Source, modules: set[str]) -> set[str]:
    typing_only = {
        id(inner)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    executed = ast.Module([], [])
    executed.body = [n for n in ast.walk(source.tree) if isinstance(n, ast.stmt) and id(n) not in typing_only]
    found = set()
    for node in executed.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            single = Source(source.path, ast.unparse(node))
            found |= {_module_in(parts, modules) for _, parts in imported(single)}
    return found - {""}


def _module_in(parts: list[str], modules: set[str]) -> str:
    """Return the longest prefix that is a module of app, or an empty text."""
    while parts and ".".join(parts) not in modules:
        parts = parts[:-1]
    return ".".join(parts)


def _cycle(kind: str, graph: dict[str, set[str]]) -> list[str]:
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return [f"a circle of {kind}: {' imports '.join(reversed(error.args[1]))}"]
    return []


def transactions_in_web(app: Iterable[Source]) -> list[str]:
    """Return one sentence for each place where web opens a transaction: only use cases write."""
    return [
        f"{source.path}:{node.lineno} opens a transaction: write through a use case"
        for source in app
        if layer_of(source.module) == "web"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in ("transaction", "autocommit")
    ]


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


#: All that one delivery passes, from the alarm to the settled attempt.
DELIVERY = (
    "app/delivery/*.py",
    "app/delivery/gate/*.py",
    "app/alarms.py",
    "app/domain/*.py",
    "app/store/posts/*.py",
    "app/store/retried_writes.py",
    "app/store/execute_for_rows.py",
    "app/store/operations/breaker.py",
)
#: In the same folders, but no delivery passes them.
BESIDE_DELIVERY = (
    "app/delivery/rehearsal.py",
    "app/domain/api_keys.py",
    "app/domain/companies.py",
    "app/domain/oauth.py",
    "app/domain/verifiers.py",
    "app/domain/principal.py",
    "app/domain/sessions.py",
    "app/domain/sign_in.py",
    "app/domain/slots.py",
    "app/domain/warnings.py",
    "app/domain/alerts.py",
    *("app/domain/audit.py", "app/domain/times.py", "app/domain/webhooks.py"),
    "app/domain/post_l*.py",  # links and lists
    *("app/domain/risks.py", "app/domain/text_search.py"),
    "app/store/posts/days.py",
    "app/store/posts/filters.py",
    "app/store/posts/pages.py",
    "app/store/posts/post_counts.py",
    "app/store/posts/warnings.py",
    "app/store/posts/account_holds.py",
    *("app/domain/metrics.py", "app/domain/traces.py"),
    *(
        "app/domain/late_causes.py",
        "app/domain/percentiles.py",
        "app/domain/time_windows.py",
        "app/store/posts/late.py",
    ),
    *("app/domain/bulk.py", "app/store/posts/bulk_writes.py", "app/store/posts/feeds.py"),
    "app/store/posts/retention.py",
    "app/store/posts/restored.py",
)


def delivery(app: Iterable[Source]) -> list[Source]:
    """Return the files that one delivery passes. A reader must know them to change delivery."""
    held = [source for source in app if any(source.path.match(part) for part in DELIVERY)]
    return [source for source in held if not any(source.path.match(part) for part in BESIDE_DELIVERY)]
