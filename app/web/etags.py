"""ETags: a client that has an answer already gets 304 without a body."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import make_response, request

View = TypeVar("View", bound=Callable[..., Any])
#: For the documentation of such a route.
NOT_MODIFIED = {"304": {"description": "The answer is that of If-None-Match. It has no body."}}


def with_etag(view: View) -> View:
    """Add the hash of the body as ETag. Answer 304 if the client names it in If-None-Match.

    Apply it outside the decorator that writes the body.
    """

    @wraps(view)
    def tagged(*args: Any, **kwargs: Any) -> Any:
        response = make_response(view(*args, **kwargs))
        if response.status_code == 200:
            response.add_etag()
            response.make_conditional(request)
        return response

    return cast(View, tagged)
