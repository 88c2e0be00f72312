"""The house keeps its shape: imports point inward, names mean something, files stay small."""

from pathlib import Path, PurePosixPath

import pytest

from tests.support.architecture import (
    DELIVERY_LINES,
    FILE_LINES,
    FUNCTION_LINES,
    MAY_IMPORT,
    Source,
    delivery,
    import_problems,
    name_problems,
    size_problems,
    sources,
)

ROOT = Path(__file__).parent.parent
APP = sources(ROOT, "app")
ALL = [*APP, *sources(ROOT, "tests"), *sources(ROOT, "migrations")]


def source(path: str, text: str = "") -> Source:
    return Source(PurePosixPath(path), text)


def test_imports_point_inward_and_each_third_party_stays_at_home():
    assert_none(import_problems(APP))


def test_every_name_says_something_and_none_is_taken_for_the_entry_point():
    assert_none(name_problems([s.path for s in ALL] + [PurePosixPath(path.name) for path in ROOT.glob("*.py")]))


def test_files_and_functions_stay_small():
    assert_none(size_problems([*APP, *sources(ROOT, "tests")]))


def test_delivery_fits_into_one_head():
    parts = delivery(APP)
    listed = "\n".join(f"{part.code_lines:5} {part.path}" for part in parts)
    assert sum(part.code_lines for part in parts) < DELIVERY_LINES, listed


def assert_none(problems: list[str]) -> None:
    assert not problems, "\n".join(["", *problems])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app/domain/retry.py", "from app.store import posts"),
        ("app/domain/retry.py", "from app.settings.values import Settings"),
        ("app/domain/retry.py", "import sqlalchemy"),
        ("app/store/posts/transitions.py", "from app.dispatching import dispatch"),
        ("app/store/posts/transitions.py", "from flask import g"),
        ("app/adapters/n8n.py", "from app.store import posts"),
        ("app/adapters/n8n.py", "from ..store import posts"),
        ("app/delivery/dispatch.py", "from app.adapters.n8n import Webhook"),
        ("app/delivery/dispatch.py", "from app.web import schemas"),
        ("app/delivery/dispatch.py", "from .. import wiring"),
        ("app/delivery/dispatch.py", "import requests"),
        ("app/delivery/dispatch.py", "def late():\n    from app import wiring"),
        ("app/deps.py", "from app.adapters.n8n import Webhook"),
        ("app/web/posts.py", "from app.adapters.n8n import Webhook"),
        ("app/web/posts.py", "from app.wiring import wire"),
        ("app/web/posts.py", "import sqlalchemy.orm"),
        ("app/web/posts.py", "import jwt"),
        ("app/settings/values.py", "from app.domain import times"),
        ("app/log.py", "import app.deps"),
        ("app/cli.py", "from app.adapters.qstash import Alarms"),
        ("app/wiring.py", "from app.local.demo import main"),
        ("app/wiring.py", "from app.web import build_app"),
        ("app/local/demo.py", "from app.settings.values import Settings"),
        ("app/local/demo.py", "from app import create_app, settings"),
        ("app/local/demo.py", "import flask"),
        ("app/web/posts.py", "import aiohttp"),
        ("app/web/posts.py", "from tests.support import architecture"),
        ("app/web/posts.py", "import numpy"),
    ],
)
def test_an_import_that_points_outward_is_found(path: str, line: str):
    assert len(import_problems([source(path, line)])) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app/domain/retry.py", "import datetime\nfrom app.domain import times\nfrom .outcomes import Outcome"),
        (
            "app/store/posts/transitions.py",
            "from sqlalchemy import update\nfrom app.domain import lifecycle\nfrom app import log",
        ),
        (
            "app/adapters/n8n.py",
            "import requests\nfrom app.domain import ports\nfrom app.settings import values",
        ),
        (
            "app/delivery/dispatch.py",
            "from app.store import posts\nfrom app import scheduling\nfrom app.deps import Deps",
        ),
        ("app/web/posts.py", "from flask import g\nimport marshmallow\nfrom app import dispatching"),
        ("app/wiring.py", "from app.adapters.n8n import Webhook\nfrom app.store.engine import Database"),
        ("app/__init__.py", "from flask import Flask\nfrom app.web import build_app\nfrom app.wiring import wire"),
        ("app/cli.py", "import click\nfrom app.wiring import wire\nfrom app.store import migrate"),
        ("app/local/n8n/reporter.py", "import aiohttp\nfrom app.local.qstash import message"),
    ],
)
def test_an_import_that_points_inward_is_allowed(path: str, line: str):
    assert import_problems([source(path, line)]) == []


@pytest.mark.parametrize("name", ["app", "asgi", "index", "main", "server"])
def test_a_file_that_the_platform_takes_for_the_entry_point_is_found(name: str):
    assert len(name_problems([PurePosixPath(f"app/{name}.py")])) == 1
    assert len(name_problems([PurePosixPath(f"{name}.py")])) == 1
    assert name_problems([PurePosixPath(f"app/local/{name}.py")]) == []


@pytest.mark.parametrize("path", ["app/utils.py", "app/web/handler.py", "app/services/posts.py", "tests/helpers.py"])
def test_a_name_that_says_nothing_is_found(path: str):
    assert len(name_problems([PurePosixPath(path)])) == 1


def test_a_file_that_is_too_long_is_found():
    assert size_problems([source("app/log.py", "\n" * FILE_LINES)]) == []
    assert len(size_problems([source("app/log.py", "\n" * (FILE_LINES + 1))])) == 1


@pytest.mark.parametrize("define", ["def", "async def"])
def test_a_function_that_is_too_long_is_found(define: str):
    def function(lines: int) -> Source:
        return source("app/log.py", f"class Log:\n    {define} emit(self):\n" + "        pass\n" * (lines - 1))

    assert size_problems([function(FUNCTION_LINES)]) == []
    assert len(size_problems([function(FUNCTION_LINES + 1)])) == 1


def test_the_lines_of_delivery_are_those_of_the_domain_the_transitions_and_the_use_cases():
    counted = [
        "app/domain/retry.py",
        "app/store/posts/transitions.py",
        "app/delivery/report.py",
    ]
    others = [
        "app/store/operations/counts.py",
        "app/web/posts.py",
        "app/settings/values.py",
        "app/local/qstash/message.py",
    ]
    assert [str(part.path) for part in delivery([source(path) for path in counted + others])] == counted


def test_lines_of_code_leave_out_what_is_written_for_people():
    text = '"""Prose."""\n\n# why\nx = """a\nb"""  # said\n\ndef f():\n    """Prose\n    too."""\n    return x\n'
    assert source("app/log.py", text).code_lines == 4


def test_every_layer_is_somebodys():
    assert set().union(*MAY_IMPORT.values()) - set(MAY_IMPORT) == set()
