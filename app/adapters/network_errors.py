"""Describe network errors for operators."""

from __future__ import annotations

MAX_DEPTH = 10  # of nested causes. An exception can be its own cause.


def describe_root_cause(error: BaseException) -> str:
    """Return the type and text of the innermost cause.

    requests wraps urllib3's errors, and urllib3 wraps the socket's. The cause is in `reason`, `args` or `__cause__`.
    """
    for _ in range(MAX_DEPTH):
        inner = _direct_cause(error)
        if inner is None:
            break
        error = inner
    return f"{type(error).__name__}: {error}"


def _direct_cause(error: BaseException) -> BaseException | None:
    candidates = (getattr(error, "reason", None), *error.args, error.__cause__)
    return next((candidate for candidate in candidates if isinstance(candidate, BaseException)), None)
