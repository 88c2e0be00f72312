"""Test that app/adapters uses and overrides no private name of a library."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "app" / "adapters"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Yield names of functions, classes, variables and attributes of `self`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def foreign_names(sources: Iterable[str]) -> set[str]:
    """Return private attributes and imports without a definition in `sources`."""
    trees = [ast.parse(source) for source in sources]
    defined = {name for tree in trees for name in defined_names(tree)}
    found: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute):
            found |= {node.attr} - defined
        elif isinstance(node, ast.ImportFrom):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found |= set(parts) - defined
        elif isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
    return {name for name in found if is_private(name)}


def test_no_private_attribute_of_a_library_is_used() -> None:
    assert foreign_names(path.read_text("utf-8") for path in FOLDER.glob("*.py")) == set()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("response._content = b''", "_content"),
        ("pool._get_conn()", "_get_conn"),
        ("client.http._client.close()", "_client"),
        ("self._put_conn(conn)", "_put_conn"),
        ("from urllib3._collections import HTTPHeaderDict", "_collections"),
        ("from urllib3.util.url import _encode_target", "_encode_target"),
        ("import urllib3._version", "_version"),
    ],
)
def test_private_attribute_is_found(source: str, name: str) -> None:
    assert foreign_names([source]) == {name}


def test_own_private_attribute_is_allowed() -> None:
    assert foreign_names(["self._idle = []", "pool._idle.append(1)"]) == set()


def test_no_private_name_of_a_library_class_is_overridden() -> None:
    modules = [importlib.import_module(f"app.adapters.{path.stem}") for path in FOLDER.glob("[!_]*.py")]
    classes = {cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)}
    ours = [cls for cls in classes if cls.__module__.startswith("app.adapters.")]
    overridden = {
        f"{cls.__qualname__}.{name}"
        for cls in ours
        for base in cls.__mro__
        if not base.__module__.startswith("app.")
        for name in vars(cls).keys() & vars(base).keys()
        if is_private(name) and name != "_abc_impl"  # set by Python's own metaclass
    }
    assert len(ours) > 10
    assert overridden == set()
