"""Build the console: `python -m app.web.console.build`. With `--check`, check its types instead.

The output is `dist/`: scripts and styles with a hash in their names, each beside a compressed copy, and
`manifest.json`, which names those of each page. Invariant: `dist/` is whole, because a build is made beside it and
then takes its place. A build of the same sources is not repeated.
"""

from __future__ import annotations

import argparse
import fcntl
import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.web.console.node import BuildError, find_node, run

HERE = Path(__file__).parent
DIST = HERE / "dist"
PACKAGES = HERE / "node_modules"
LIMIT = 160_000  # bytes of all scripts together, compressed
ENTRIES = {"console": "src/main.tsx", "docs": "src/docs/main.tsx"}
OPTIONS = (
    *("--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--legal-comments=none"),
    *("--jsx=automatic", "--jsx-import-source=preact", "--log-level=warning", "--entry-names=[name]-[hash]"),
)


def build() -> bool:
    """Build the console where its sources have changed. Return True if there was something to build.

    Raises: BuildError when Node is missing, the sources are wrong or the scripts are too large.
    """
    with _locked():
        wanted = fingerprint()
        if _built() == wanted:
            return False
        node, npm = find_node()
        _install(npm, everything=False)
        _bundle(node, wanted)
        return True


def check() -> None:
    """Check the types of the console against the OpenAPI document.

    Raises: BuildError with the compiler's messages.
    """
    with _locked():
        node, npm = find_node()
        _install(npm, everything=True)
        _write_types(node)
        run(*node, str(PACKAGES / "typescript" / "bin" / "tsc"), "--project", ".", folder=HERE)


def checkers() -> Path:
    """Install the packages of the checks beside those of the build, and return the folder of all packages.

    Raises: BuildError when Node is missing or npm cannot install them.
    """
    with _locked():
        _install(find_node()[1], everything=True)
    return PACKAGES


def fingerprint() -> str:
    """Return the hash of all that the build reads: sources, packages and this file."""
    files = [HERE / "build.py", HERE / "package-lock.json", HERE / "tsconfig.json"]
    files += [path for path in (HERE / "src").rglob("*") if path.is_file() and path != _types()]
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(HERE).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _bundle(node: list[str], wanted: str) -> None:
    beside = HERE / "dist.new"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    entries = (f"{name}={source}" for name, source in ENTRIES.items())
    meta = beside / "meta.json"
    esbuild = str(PACKAGES / "esbuild" / "bin" / "esbuild")
    run(*node, esbuild, *entries, *OPTIONS, f"--outdir={beside}", f"--metafile={meta}", folder=HERE)
    manifest = _manifest(json.loads(meta.read_text(encoding="utf-8")))
    meta.unlink()
    _compress(beside)
    (beside / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    (beside / "built").write_text(wanted, encoding="utf-8")
    shutil.rmtree(DIST, ignore_errors=True)
    beside.rename(DIST)


def _manifest(meta: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the names of each entry's script and style."""
    found = {}
    for name, output in meta["outputs"].items():
        for entry, source in ENTRIES.items():
            if output.get("entryPoint") == source:
                if "cssBundle" not in output:
                    raise BuildError(f"{source} imports no style.")
                found[entry] = {"script": Path(name).name, "style": Path(output["cssBundle"]).name}
    return {entry: found[entry] for entry in ENTRIES}


def _compress(folder: Path) -> None:
    """Write a compressed copy of each file.

    Raises: BuildError when the scripts together are over the limit.
    """
    total = 0
    for path in sorted(folder.iterdir()):
        small = gzip.compress(path.read_bytes(), 9, mtime=0)
        path.with_name(f"{path.name}.gz").write_bytes(small)
        total += len(small) if path.suffix == ".js" else 0
    if total > LIMIT:
        raise BuildError(f"The scripts have {total} bytes compressed, and the limit is {LIMIT}.")


def _install(npm: list[str], *, everything: bool) -> None:
    """Install the packages of the lock file, without those of the type check unless `everything`."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = PACKAGES / ".installed"
    found = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if found == f"{lock} all" or (found == f"{lock} build" and not everything):
        return
    scope = [] if everything else ["--omit=dev"]
    run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *scope, folder=HERE)
    stamp.write_text(f"{lock} {'all' if everything else 'build'}", encoding="utf-8")


def _write_types(node: list[str]) -> None:
    from app.web import DOCUMENTED
    from app.web.spec.build import build_document

    document = HERE / "node_modules" / "openapi.json"
    document.write_text(json.dumps(build_document(DOCUMENTED)), encoding="utf-8")
    tool = str(PACKAGES / "openapi-typescript" / "bin" / "cli.js")
    run(*node, tool, str(document), "--output", str(_types()), folder=HERE)


def _types() -> Path:
    return HERE / "src" / "core" / "schema.d.ts"


def _built() -> str | None:
    """Return the fingerprint of the present build, None without a whole one."""
    try:
        return (DIST / "built").read_text(encoding="utf-8") if (DIST / "manifest.json").is_file() else None
    except OSError:
        return None


@contextmanager
def _locked() -> Iterator[None]:
    """Let one build run at a time: tests and a stack may begin one together."""
    with (HERE / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.web.console.build", description="Build the console.")
    parser.add_argument("--check", action="store_true", help="check the types instead")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.check:
            check()
        elif build():
            _say(f"The console is built: {_size()}")
        else:
            _say("The console is up to date.")
    except BuildError as error:
        _say(f"The console cannot be built. {error}")
        return 1
    return 0


def _size() -> str:
    sizes = [path.stat().st_size for path in DIST.glob("*.js.gz")]
    return f"{sum(sizes) / 1000:.1f} kB of scripts, compressed. The limit is {LIMIT / 1000:.0f} kB."


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
