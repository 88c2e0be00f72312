"""The stack's ports, and the check before a start that they are free."""

import os
import random
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.local.errors import StackError

# Below the ephemeral range (Linux: from 32,768), from which the kernel could give a client the port before the server.
UNASSIGNED = range(15_000, 32_000)
HOST = "127.0.0.1"  # other machines must not reach the stack
SETTINGS = {"app": "PORT", "qstash": "PORT_QSTASH", "n8n": "PORT_N8N", "linkedin": "PORT_LINKEDIN"}


@dataclass(frozen=True)
class Ports:
    app: int = 8000
    qstash: int = 8080
    n8n: int = 5678
    linkedin: int = 8090

    def url(self, name: str) -> str:
        return f"http://{HOST}:{getattr(self, name)}"


def from_environment(environ: Mapping[str, str]) -> Ports:
    """Read the ports from PORT, PORT_QSTASH, PORT_N8N and PORT_LINKEDIN.

    Raises: StackError when a value is not a whole number from 1 to 65535.
    """
    chosen = {}
    for name, setting in SETTINGS.items():
        if raw := environ.get(setting, "").strip():
            if not raw.isdecimal() or not 0 < int(raw) < 65536:
                raise StackError(f"{setting} is {raw!r}: a port is a whole number from 1 to 65535.")
            chosen[name] = int(raw)
    return Ports(**chosen)


def free() -> Ports:
    """Return ports that are free at the moment."""
    some = each_free()
    return Ports(*(next(some) for _ in SETTINGS))


def each_free() -> Iterator[int]:
    """Yield random ports. Each was free when yielded."""
    return (port for port in random.SystemRandom().sample(UNASSIGNED, 100) if not is_busy(port))


def check_free(ports: Ports) -> None:
    """Check that every port is free and used once.

    Raises: StackError when one is not, with the port and the setting for another one.
    """
    seen: dict[int, str] = {}
    problems = []
    for name, setting in SETTINGS.items():
        port = getattr(ports, name)
        if port in seen:
            problems.append(f"{seen[port]} and {setting} are both {port}: give them different ports.")
        elif is_busy(port):
            other = port + 1 if port < 65535 else port - 1
            problems.append(f"Port {port} ({name}) is in use. Stop its process, or use another port: {setting}={other}")
        seen[port] = setting
    if problems:
        raise StackError("\n".join(problems))


def is_busy(port: int) -> bool:
    """Return True if a process listens on the port.

    Connects first: some systems permit a bind beside a listener on all addresses.
    """
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as probe:
        if os.name == "posix":  # ignore old connections in TIME_WAIT
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
