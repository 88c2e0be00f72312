"""Convert the exceptions of an OAuth client to AuthorizationError, without secrets in their texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.adapters.network_errors import describe_root_cause
from app.domain.oauth import AuthorizationError

MAX_ERROR_TEXT = 200
FINAL_CODES = ("invalid_grant", "invalid_client")  # a later try gets the same answer


@contextmanager
def authorization_errors(secrets: tuple[str, ...]) -> Iterator[None]:
    """Convert every exception of the block to an AuthorizationError without these secrets."""
    try:
        yield
    except AuthorizationError:
        raise
    except Exception as error:
        name = getattr(error, "error", None)  # an OAuth error (RFC 6749, 5.2)
        if isinstance(name, str):
            code = _error_code(name, str(getattr(error, "description", "")))
            text = f"{name}: {getattr(error, 'description', '')}"
        elif isinstance(error, OSError) and not isinstance(error, ValueError):  # requests' network errors
            code, text = "unreachable", describe_root_cause(error)
        else:
            code, text = "broken_answer", "the answer makes no sense"
        for secret in secrets:
            text = text.replace(secret, "***")
        raise AuthorizationError(code, text[:MAX_ERROR_TEXT]) from None


def _error_code(name: str, description: str) -> str:
    if name == "invalid_request" and "revoked" in description.lower():
        return "invalid_grant"  # LinkedIn uses the broader name for some refresh tokens
    return name if name in FINAL_CODES else "refused"
