"""Decides how a request is treated: by the scripted orders first, then by the markers in the post's own text."""

from dataclasses import asdict, dataclass
from typing import Any

from app.local.n8n.directives import Behaviour, UnknownWordError, markers, parse


@dataclass(slots=True)
class Order:
    """One instruction given through the control route; with neither post nor text to match it holds for all."""

    do: str
    post_id: str | None = None
    match: str | None = None
    times: int | None = 1  # left; None: always

    def fits(self, post_id: str, text: str) -> bool:
        return self.post_id in (None, post_id) and (self.match is None or self.match in text)


class Script:
    """Orders in the order they came, and how often each marker has been obeyed for each post."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self._obeyed: dict[tuple[str, int, str], int] = {}

    def add(self, wish: Any) -> Order:
        """Takes `{"postId"?, "match"?, "times"?, "do"}`; raises ValueError with a sentence for the caller."""
        if not isinstance(wish, dict) or not isinstance(wish.get("do"), str):
            raise UnknownWordError('send {"do": "503", "times": 1, "postId" or "match": …}')
        _, counted = parse(wish["do"])
        times = wish.get("times", counted if counted is not None else 1)
        if times is not None and (not isinstance(times, int) or times < 1):
            raise UnknownWordError("'times' is a whole number from 1 up, or null for always")
        order = Order(wish["do"], wish.get("postId"), wish.get("match"), times)
        self._orders.append(order)
        return order

    def clear(self) -> None:
        self._orders.clear()
        self._obeyed.clear()

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(order) for order in self._orders]

    def take(self, post_id: str, text: str) -> Behaviour:
        """The behaviour for one request, using up one of its times."""
        for order in self._orders:
            if order.fits(post_id, text):
                self._use(order)
                return parse(order.do)[0]
        return self._from_text(post_id, text)

    def _use(self, order: Order) -> None:
        if order.times is not None:
            order.times -= 1
            if order.times == 0:
                self._orders.remove(order)

    def _from_text(self, post_id: str, text: str) -> Behaviour:
        if "[n8n:" not in text:
            return Behaviour()
        for place, marker in enumerate(markers(text)):
            behaviour, times = parse(marker)
            key = (post_id, place, marker)
            if times is None:
                return behaviour
            if self._obeyed.get(key, 0) < times:
                self._obeyed[key] = self._obeyed.get(key, 0) + 1
                return behaviour
        return Behaviour()
