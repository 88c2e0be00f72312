"""The judge of the mutants: what counts, what needs a reason, and which reasons have nothing left to explain."""

from tests.mutation.judge import Entry, Mutant, is_wording, judge, lines, read_entries

KILLED = Mutant("app.x", "app.x.f", "f_1", "killed")
SURVIVOR = Mutant("app.x", "app.x.f", "f_2", "survived", "return a < b", "return a <= b")


def test_killed_and_timed_out_mutants_make_the_score():
    verdict = judge([KILLED] * 8 + [Mutant("app.x", "app.x.f", "f_3", "timeout"), SURVIVOR], [])
    assert (verdict.totals["app.x"], verdict.killed["app.x"], verdict.score) == (10, 9, 0.9)


def test_a_survivor_without_a_reason_fails_the_run_whatever_the_score():
    verdict = judge([KILLED] * 99 + [SURVIVOR], [])
    assert (verdict.unexplained, verdict.passed) == ([SURVIVOR], False)


def test_a_survivor_with_a_reason_passes_where_enough_are_killed():
    reason = Entry("app.x.f", ["return a <= b"], "they are never equal")
    assert judge([KILLED] * 9 + [SURVIVOR], [reason]).passed
    assert not judge([KILLED] * 8 + [SURVIVOR], [reason]).passed


def test_no_mutants_are_no_success():
    assert not judge([], []).passed


def test_a_reason_holds_for_its_own_function_and_change_only():
    for entry in (Entry("app.x.g", ["return a <= b"], ""), Entry("app.x.f", ["return a > b"], "")):
        verdict = judge([SURVIVOR], [entry])
        assert verdict.unexplained == [SURVIVOR]
        assert verdict.idle == [f"{entry.function}: {entry.changes[0]}"]


def test_a_mutant_that_no_test_touches_or_that_was_not_tried_is_not_killed():
    for status in ("no tests", "not checked", "suspicious", "skipped"):
        assert not Mutant("app.x", "app.x.f", "f_4", status).killed


def test_only_sentences_are_a_matter_of_wording():
    def changed(removed: str, added: str) -> bool:
        return is_wording(Mutant("app.x", "app.x.f", "f_5", "survived", removed, added))

    assert changed('raise No("code", "Say so.")', 'raise No("code", "XXSay so.XX")')
    assert not changed('raise No("code", "Say so.")', 'raise No("CODE", "Say so.")')
    assert not changed('raise No("code", "Say so.")', 'raise No("code", None)')


def test_the_report_names_every_module_and_every_survivor_without_a_reason():
    told = "\n".join(lines(judge([KILLED, SURVIVOR], [])))
    assert "app.x" in told
    assert "50.0%" in told
    assert "return a <= b" in told


def test_every_reason_in_the_file_says_something():
    entries = read_entries()
    assert all(entry.function.startswith("app.") and entry.changes and entry.reason for entry in entries)
