"""Calls of the media check with scripted resolvers and answers."""

from collections.abc import Callable, Sequence

from app.adapters.media import HttpMediaCheck
from tests.adapters.servers import Seen

Answer = tuple[int, dict[str, str], bytes]


def resolver(**known: str | Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver of these names and of literal addresses. In keyword names, `_` means a dot."""

    def resolve(host: str, port: int) -> Sequence[str]:
        found = known.get(host.replace(".", "_"), host)
        return [found] if isinstance(found, str) else found

    return resolve


def look(url: str, seconds: float = 5.0, *, loopback: bool = True, **known: str | Sequence[str]) -> str:
    (verdict,) = HttpMediaCheck(allow_loopback=loopback, resolve=resolver(**known)).look([url], seconds)
    return verdict


def answers(status: int, **headers: str) -> Callable[[Seen], Answer]:
    return lambda _: (status, headers, b"body")


def by_method(head: Callable[[Seen], Answer], get: Callable[[Seen], Answer]) -> Callable[[Seen], Answer]:
    return lambda seen: (head if seen.method == "HEAD" else get)(seen)
