"""The doctor's check of the running Python: patch levels with published holes.

Invariant: a hole is listed only if this app, or a library that it calls, runs the code in question.
"""

from __future__ import annotations

import sys

from app.operations.doctor.findings import Checkup, Finding

Version = tuple[int, int, int]
#: (CVE, its subject, the first mended patch level of each minor version). Later minor versions began without the hole.
#: Source: the records at cve.org, issued by the Python Software Foundation.
HOLES: tuple[tuple[str, str, dict[int, int]], ...] = (
    ("CVE-2023-24329", "urlsplit accepts a scheme after blanks", {11: 4}),
    ("CVE-2024-11168", "urlsplit accepts any text in brackets as a host", {11: 4}),
    ("CVE-2023-40217", "an unencrypted first packet passes for TLS", {11: 5}),
    ("CVE-2024-0397", "certificates are read while others are added", {11: 9, 12: 3}),
    ("CVE-2024-4032", "private addresses pass for public ones", {11: 10, 12: 4}),
    ("CVE-2025-0938", "urlsplit accepts brackets within a host", {11: 12, 12: 9, 13: 2}),
    ("CVE-2025-13836", "a server's answer may fill the memory", {11: 15, 12: 13, 13: 11, 14: 1}),
)


def running() -> Version:
    return sys.version_info[:3]


def known_holes(version: Version) -> list[str]:
    """Return the holes of this version, each as "CVE (subject)"."""
    _, minor, patch = version
    return [f"{cve} ({subject})" for cve, subject, mended in HOLES if patch < mended.get(minor, 0)]


def check_python(_checkup: Checkup) -> list[Finding]:
    version = running()
    holes = known_holes(version)
    if not holes:
        return []
    _, minor, _ = version
    mended = max(mended.get(minor, 0) for _, _, mended in HOLES)
    text = f"{'.'.join(map(str, version))} has known holes: {', '.join(holes)}: install 3.{minor}.{mended} or newer"
    return [Finding("WARN", "python", text)]
