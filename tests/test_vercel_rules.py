"""The rules of Vercel's Python builder that decide whether a deployment is built, whole and small enough."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = json.loads((ROOT / "vercel.json").read_text())
LARGEST_BUNDLE = 225 * 2**20  # the builder's limit. The platform's own is 250 MB
#: Files that the builder would take for the entry point before ours, or for functions of their own.
OTHER_ENTRY_POINTS = ("app", "index", "server", "main", "asgi", "application")


def packages() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))


def test_every_path_goes_to_the_one_function():
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["vercel"]["entrypoint"]
    assert (CONFIG["framework"], entry, list(CONFIG["functions"])) == ("flask", "wsgi:app", ["wsgi.py"])
    routing = {"builds", "routes", "rewrites", "redirects", "headers", "outputDirectory", "cleanUrls", "trailingSlash"}
    assert routing.isdisjoint(CONFIG)


@pytest.mark.parametrize("folder", [".", "app", "src", "api"])
def test_no_other_file_looks_like_an_entry_point(folder: str):
    found = [name for name in OTHER_ENTRY_POINTS if (ROOT / folder / f"{name}.py").exists()]
    assert found == []


@pytest.mark.parametrize("folder", ["api", "public"])
def test_no_folder_is_deployed_beside_the_function(folder: str):
    assert not (ROOT / folder).exists()


def test_python_is_one_that_the_platform_has():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted == ">=3.11"  # the platform's 3.12 fits
    assert not (ROOT / ".python-version").exists()


def test_parts_that_production_does_not_run_stay_out_of_the_bundle():
    left_out = CONFIG["functions"]["wsgi.py"]["excludeFiles"]
    assert {"tests", "app/local", "app/mcp", ".ci"} <= set(re.split(r"[{},/*]*(?:,|\{|\})[/*]*", left_out))


def test_function_may_run_as_long_as_the_smallest_plan_allows():
    assert CONFIG["functions"]["wsgi.py"]["maxDuration"] == 60


def test_code_and_locked_packages_fit_into_a_function():
    """Bytecode is shipped beside the sources. It is about as large as they are."""
    size = sum(path.stat().st_size for folder in ("app", "migrations") for path in (ROOT / folder).rglob("*.py")) * 2
    for name in packages():
        for file in importlib.metadata.files(name) or ():
            path = Path(str(file.locate()))
            if path.suffix == ".py":
                size += 2 * path.stat().st_size
            elif path.suffix != ".pyc" and path.exists():
                size += path.stat().st_size
    assert 30 * 2**20 < size < LARGEST_BUNDLE * 0.9


def test_crons_call_a_route_by_get_with_the_secret_of_the_platform():
    [cron] = CONFIG["crons"]
    assert cron["path"] == "/api/posts/recover"
    assert re.fullmatch(r"(\S+ ){4}\S+", cron["schedule"])
