"""The doctor's line about the running Python."""

import re

import pytest

from app.operations.doctor import python
from tests.doctor.installation import Outside, doctor, installed, only_problem, swept


@pytest.mark.parametrize(
    ("version", "cves"),
    [
        ((3, 11, 3), 7),
        ((3, 11, 9), 3),
        ((3, 11, 10), 2),
        ((3, 11, 15), 0),
        ((3, 12, 3), 3),
        ((3, 12, 4), 2),
        ((3, 12, 13), 0),
        ((3, 13, 1), 2),
        ((3, 14, 0), 1),
        ((3, 14, 1), 0),
        ((3, 15, 0), 0),
    ],
)
def test_holes_of_a_patch_level_are_known(version: tuple[int, int, int], cves: int):
    holes = python.known_holes(version)
    assert len(holes) == cves
    assert ("CVE-2024-4032" in str(holes)) == ((version[:2] == (3, 11) and version[2] < 10) or version == (3, 12, 3))


def test_every_hole_has_its_record_and_ends_at_one_patch_level():
    for cve, subject, mended in python.HOLES:
        assert re.fullmatch(r"CVE-20\d\d-\d{4,5}", cve)
        assert subject
        assert sorted(mended) == list(range(11, max(mended) + 1))


def test_old_patch_level_is_a_warning_with_the_cure(sqlite_url: str, outside: Outside, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(python, "running", lambda: (3, 12, 3))
    with installed(sqlite_url, outside) as site:
        only_problem(swept(site), "WARN", "python", "3.12.3", "CVE-2024-4032", "install 3.12.13 or newer")
    monkeypatch.setattr(python, "running", lambda: (3, 12, 13))
    with installed(sqlite_url, outside) as site:
        assert "python" not in [about for _, about, _ in doctor(swept(site))[0]]
