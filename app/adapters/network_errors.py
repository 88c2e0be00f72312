"""Describe network errors for operators, and find those that only an operator can mend."""

from __future__ import annotations

import socket
import ssl

MAX_DEPTH = 10  # of nested causes. An exception can be its own cause.


def describe_root_cause(error: BaseException) -> str:
    """Return the type and text of the innermost cause.

    requests wraps urllib3's errors, and urllib3 wraps the socket's. The cause is in `reason`, `args` or `__cause__`.
    """
    cause = _root_cause(error)
    return f"{type(cause).__name__}: {cause}"


def is_configuration_error(error: BaseException) -> bool:
    """Return True if a request failed for its address, its headers or the host's certificate.

    A TLS connection that ends during the handshake is an outage, not a configuration.
    """
    cause = _root_cause(error)
    if isinstance(cause, ssl.SSLError):
        return not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return isinstance(cause, socket.gaierror | ValueError)


def _root_cause(error: BaseException) -> BaseException:
    for _ in range(MAX_DEPTH):
        inner = _direct_cause(error)
        if inner is None:
            break
        error = inner
    return error


def _direct_cause(error: BaseException) -> BaseException | None:
    candidates = (getattr(error, "reason", None), *error.args, error.__cause__)
    return next((candidate for candidate in candidates if isinstance(candidate, BaseException)), None)
