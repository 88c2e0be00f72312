"""The files of the local stack are for their owner alone."""

import os
import stat
from pathlib import Path

from app.local.n8n.journal import Journal
from app.local.private_files import make_folder
from app.local.stack import StackOptions, _locked
from tests.local.n8n_calls import post, report_answered, send
from tests.local.support import Receiver, running, wait_for


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}


def are_private(folder: Path) -> bool:
    return all(mode == (0o700 if (folder / name).is_dir() else 0o600) for name, mode in modes(folder).items())


def test_n8ns_ledger_and_published_posts_are_private(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state" / "n8n"
    with running("app.local.n8n", "--port", "0", "--data", str(state), "--callback-delay", "0") as n8n:
        body = post(receiver)
        send(n8n, body)
        wait_for("the report", lambda: report_answered(n8n, body))
        assert set(modes(state)) == {".", "ledger.jsonl", "published.jsonl"}
        assert are_private(tmp_path / "state")


def test_qstashs_database_is_private(tmp_path: Path) -> None:
    data = tmp_path / "state" / "qstash.sqlite3"
    with running("app.local.qstash", "--port", "0", "--data", str(data)):
        assert "qstash.sqlite3" in modes(data.parent)
        assert are_private(data.parent)


def test_files_of_an_older_version_are_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_text('{"id": 1}\n')
    file.chmod(0o644)
    journal = Journal(file)
    journal.append({"id": 2})
    journal.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == '{"id": 1}\n{"id": 2}\n'


def test_folders_of_the_stack_are_private_and_a_foreign_one_is_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "shared"
    foreign.mkdir()
    foreign.chmod(0o755)
    before = os.umask(0)
    try:
        make_folder(foreign / "state" / "logs")
        make_folder(foreign)
        _locked(foreign / "state" / "lock").close()
    finally:
        os.umask(before)
    assert modes(foreign) == {".": 0o755, "state": 0o700, "state/logs": 0o700, "state/lock": 0o600}
    make_folder(foreign, tighten=True)
    assert modes(foreign)["."] == 0o700
    assert StackOptions().state.name == "local"
