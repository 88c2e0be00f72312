"""The mutation judge: the score, reasons for survivors, and reasons without a survivor."""

from tests.mutation.groups import GROUPS, ROOT
from tests.mutation.judge import Entry, Mutant, is_wording, judge, lines, read_entries

KILLED = Mutant("app.x", "app.x.f", "f_1", "killed")
SURVIVOR = Mutant("app.x", "app.x.f", "f_2", "survived", "return a < b", "return a <= b")


def test_killed_and_timed_out_mutants_count_for_the_score():
    verdict = judge([KILLED] * 8 + [Mutant("app.x", "app.x.f", "f_3", "timeout"), SURVIVOR], [])
    assert (verdict.totals["app.x"], verdict.killed["app.x"], verdict.score) == (10, 9, 0.9)


def test_survivor_without_reason_fails_the_run_at_any_score():
    verdict = judge([KILLED] * 99 + [SURVIVOR], [])
    assert (verdict.unexplained, verdict.passed) == ([SURVIVOR], False)


def test_survivor_with_reason_passes_if_enough_mutants_are_killed():
    reason = Entry("app.x.f", ["return a <= b"], "they are never equal")
    assert judge([KILLED] * 9 + [SURVIVOR], [reason]).passed
    assert not judge([KILLED] * 8 + [SURVIVOR], [reason]).passed


def test_run_without_mutants_fails():
    assert not judge([], []).passed


def test_reason_applies_to_its_function_and_change_only():
    for entry in (Entry("app.x.g", ["return a <= b"], ""), Entry("app.x.f", ["return a > b"], "")):
        verdict = judge([SURVIVOR], [entry])
        assert verdict.unexplained == [SURVIVOR]
        assert verdict.unused == [f"{entry.function}: {entry.changes[0]}"]


def test_untested_or_skipped_mutant_is_not_killed():
    for status in ("no tests", "not checked", "suspicious", "skipped"):
        assert not Mutant("app.x", "app.x.f", "f_4", status).killed


def test_only_changed_sentences_count_as_wording():
    def changed(removed: str, added: str) -> bool:
        return is_wording(Mutant("app.x", "app.x.f", "f_5", "survived", removed, added))

    assert changed('raise No("code", "Say so.")', 'raise No("code", "XXSay so.XX")')
    assert not changed('raise No("code", "Say so.")', 'raise No("CODE", "Say so.")')
    assert not changed('raise No("code", "Say so.")', 'raise No("code", None)')


def test_report_names_every_module_and_unexplained_survivor():
    text = "\n".join(lines(judge([KILLED, SURVIVOR], [])))
    assert "app.x" in text
    assert "50.0%" in text
    assert "return a <= b" in text


def test_every_entry_of_the_file_has_function_changes_and_reason():
    entries = read_entries()
    assert all(entry.function.startswith("app.") and entry.changes and entry.reason for entry in entries)


def test_the_code_and_the_tests_of_every_group_exist():
    for code, tests in GROUPS.values():
        assert list(ROOT.glob(code)), code
        for one in tests:
            assert (ROOT / (one if "/" in one else f"tests/use_cases/test_{one}.py")).exists(), one
