"""The architecture: imports point inward, rooms keep apart, names mean something, files stay small."""

from pathlib import Path, PurePosixPath

import pytest

from tests.support.architecture import (
    DELIVERY_LINES,
    FILE_LINES,
    FUNCTION_LINES,
    Source,
    cycles,
    delivery,
    import_problems,
    name_problems,
    size_problems,
    sources,
    transactions_in_web,
)
from tests.support.layers import MAY_IMPORT, ROOMS

ROOT = Path(__file__).parent.parent
APP = sources(ROOT, "app")
ALL = [*APP, *sources(ROOT, "tests"), *sources(ROOT, "migrations")]


def source(path: str, text: str = "") -> Source:
    return Source(PurePosixPath(path), text)


def test_imports_point_inward_and_third_parties_stay_at_home():
    assert_none(import_problems(APP))


def test_no_circle_of_imports_between_files_or_rooms():
    assert_none(cycles(APP))


def test_web_writes_through_use_cases_only():
    assert_none(transactions_in_web(APP))


def test_names_say_something_and_no_file_is_taken_for_the_entry_point():
    assert_none(name_problems([s.path for s in ALL] + [PurePosixPath(path.name) for path in ROOT.glob("*.py")]))


def test_files_and_functions_stay_small():
    assert_none(size_problems([*APP, *sources(ROOT, "tests")]))


def test_all_code_that_one_delivery_passes_stays_within_its_limit():
    parts = delivery(APP)
    listed = "\n".join(f"{part.code_lines:5} {part.path}" for part in parts)
    assert sum(part.code_lines for part in parts) < DELIVERY_LINES, listed


def assert_none(problems: list[str]) -> None:
    assert not problems, "\n".join(["", *problems])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app/domain/retry.py", "from app.store.posts import queries"),
        ("app/domain/retry.py", "from app.settings.values import Settings"),
        ("app/domain/retry.py", "import sqlalchemy"),
        ("app/store/posts/queries.py", "from app.delivery.dispatch import dispatch"),
        ("app/store/posts/queries.py", "from flask import g"),
        ("app/adapters/n8n.py", "from app.store.posts import queries"),
        ("app/adapters/n8n.py", "from ..store import engine"),
        ("app/delivery/dispatch.py", "from app.adapters.n8n import Webhook"),
        ("app/delivery/dispatch.py", "from app.web import schemas"),
        ("app/delivery/dispatch.py", "from .. import wiring"),
        ("app/delivery/dispatch.py", "import requests"),
        ("app/delivery/dispatch.py", "def late():\n    from app import wiring"),
        ("app/delivery/dispatch.py", "from app.sweep.isolate import isolate"),
        ("app/delivery/dispatch.py", "from app.sweep import isolate"),
        ("app/delivery/dispatch.py", "from app.posts.schedule import schedule"),
        ("app/delivery/prepare.py", "from app.accounts.refresh import renew_account"),
        ("app/accounts/refresh.py", "from app.delivery.settle import settle"),
        ("app/alarms.py", "from app.delivery import dispatch"),
        ("app/alerts.py", "from app import alarms"),
        ("app/posts/schedule.py", "from app.delivery.dispatch import dispatch"),
        ("app/posts/schedule.py", "from app.sweep.sweep import sweep"),
        ("app/operations/status.py", "from app.sweep.sweep import sweep"),
        ("app/companies/companies.py", "from app.posts.drafts import create_post"),
        ("app/deps.py", "from app.adapters.n8n import Webhook"),
        ("app/deps.py", "from app.delivery.gate.gate import Gate"),
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
        ("app/local/demo.py", "from app import settings"),
        ("app/local/demo.py", "import flask"),
        ("app/web/posts.py", "import aiohttp"),
        ("app/web/posts.py", "from tests.support import architecture"),
        ("app/web/posts.py", "import numpy"),
        ("app/web/posts.py", "from mcp.server import MCPServer"),
        ("app/web/posts.py", "from app.mcp.tools import build_server"),
        ("app/mcp/times.py", "from app.domain import times"),
        ("app/mcp/api.py", "import requests"),
        ("app/publishing.py", "import json"),
    ],
)
def test_an_import_that_points_outward_is_found(path: str, line: str):
    assert len(import_problems([source(path, line)])) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("app/domain/retry.py", "import datetime\nfrom app.domain import times\nfrom .outcomes import Outcome"),
        ("app/store/engine.py", "from sqlalchemy import update\nfrom app.domain import errors\nfrom app import log"),
        ("app/adapters/n8n.py", "import requests\nfrom app.domain import ports\nfrom app.settings import values"),
        ("app/delivery/dispatch.py", "from app.store.posts import queries\nfrom app import alarms"),
        ("app/delivery/dispatch.py", "from app.delivery import postpone\nfrom app.deps import Deps"),
        (
            "app/accounts/refresh.py",
            "from app.delivery.postpone import release_held\nfrom app.alerts import raise_alert",
        ),
        ("app/sweep/overdue.py", "from app.delivery.dispatch import dispatch\nfrom app.alarms import arm_batch"),
        ("app/web/posts.py", "from flask import g\nimport marshmallow\nfrom app.delivery import dispatch"),
        ("app/wiring.py", "from app.adapters.n8n import Webhook\nfrom app.store.engine import Database"),
        ("app/__init__.py", "from flask import Flask\nfrom app.web import build_app\nfrom app.wiring import wire"),
        ("app/cli.py", "import click\nfrom app.wiring import wire\nfrom app.store import migrate"),
        ("app/mcp/tools.py", "from mcp.server import MCPServer\nfrom app.mcp.errors import Refused"),
        ("app/local/n8n/reporter.py", "import aiohttp\nfrom app.local.qstash import message"),
    ],
)
def test_an_import_that_points_inward_is_allowed(path: str, line: str):
    assert import_problems([source(path, line)]) == []


def test_a_circle_between_files_is_found():
    there = source("app/delivery/send.py", "from app.delivery.settle import settle")
    back = source("app/delivery/settle.py", "def late():\n    from app.delivery import send")
    assert cycles([there]) == []
    assert [problem.partition(":")[0] for problem in cycles([there, back])] == ["a circle of files"]


def test_a_circle_between_rooms_is_found():
    there = source("app/store/posts/queries.py", "from app.store.operations import breaker")
    back = source("app/store/operations/counts.py", "from app.store.posts import retention")
    others = [source("app/store/operations/breaker.py"), source("app/store/posts/retention.py")]
    assert [problem.partition(":")[0] for problem in cycles([there, back, *others])] == ["a circle of rooms"]


def test_an_import_for_type_checkers_alone_is_no_circle():
    there = source("app/delivery/send.py", "from app.delivery.settle import settle")
    typing_only = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.delivery.send import Sent"
    assert cycles([there, source("app/delivery/settle.py", typing_only)]) == []


def test_a_transaction_in_web_is_found():
    text = "with deps().db.transaction() as tx:\n    pass"
    assert len(transactions_in_web([source("app/web/posts.py", text)])) == 1
    assert transactions_in_web([source("app/posts/drafts.py", text)]) == []


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


def test_delivery_counts_every_file_that_a_delivery_passes():
    counted = [
        "app/domain/retry.py",
        "app/store/posts/transitions.py",
        "app/store/posts/claim_sql.py",
        "app/delivery/report.py",
        "app/delivery/gate/senders.py",
        "app/alarms.py",
    ]
    others = ["app/store/operations/counts.py", "app/web/posts.py", "app/domain/companies.py", "app/local/ports.py"]
    assert [str(part.path) for part in delivery([source(path) for path in counted + others])] == counted


def test_lines_of_code_leave_out_blank_lines_comments_and_docstrings():
    text = '"""Prose."""\n\n# why\nx = """a\nb"""  # said\n\ndef f():\n    """Prose\n    too."""\n    return x\n'
    assert source("app/log.py", text).code_lines == 4


def test_every_layer_and_every_room_is_known():
    assert set().union(*MAY_IMPORT.values()) - set(MAY_IMPORT) == set()
    assert {name.partition(".")[0] for names in ROOMS.values() for name in names} - set(ROOMS) == set()
