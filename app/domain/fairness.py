"""Fair shares between the owners of posts.

An owner is the user who wrote the post, also for a company's post. A user cannot make users but can make companies, so
a share for each company would let one user take many shares.
Invariant: an owner's k-th item comes after the (k-1)-th item of every other owner.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, TypeVar

from app.domain.post import Post

Item = TypeVar("Item")


def owner_of(post: Post) -> str:
    """Return the owner, with whom the post shares seats, places and alarms."""
    return post.user_id


def in_fair_order(items: Iterable[Item], owner: Callable[[Item], str]) -> list[Item]:
    """Return the items with each owner's first ones in front, then the second ones, each round in the given order."""
    queue = FairQueue[Item]()
    for index, item in enumerate(items):
        queue.put(owner(item), item, index)
    return queue.take(len(queue))


class FairQueue(Generic[Item]):
    """A queue that takes one item of each owner in turn. An owner's own items keep their order.

    A new owner joins the current round, so it waits for at most one item of every other owner.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[tuple[int, Any, int, Item]]] = {}
        self._heads: list[tuple[int, Any, int, str]] = []  # of each owner's queue: round, key, order
        self._last_round: dict[str, int] = {}
        self._round = self._size = 0
        self._order = itertools.count()

    def __len__(self) -> int:
        return self._size

    def put(self, owner: str, item: Item, key: Any) -> None:
        """Add an item. The smaller `key` goes first within a round."""
        number = max(self._round, self._last_round.get(owner, 0)) + 1
        entry = (number, key, next(self._order), item)
        waiting = self._queues.setdefault(owner, deque())
        waiting.append(entry)
        if len(waiting) == 1:
            heapq.heappush(self._heads, (*entry[:3], owner))
        self._last_round[owner] = number
        self._size += 1

    def take(self, limit: int) -> list[Item]:
        """Remove and return up to `limit` items in fair order."""
        taken: list[Item] = []
        while self._heads and len(taken) < limit:
            taken.append(self._pop(heapq.heappop(self._heads)[3]))
        return taken

    def take_one_each(self, limit: int, owners: Collection[str]) -> list[Item]:
        """Remove and return the first item of each of these owners, up to `limit` items in fair order."""
        heads = sorted(head for head in self._heads if head[3] in owners)[:limit]
        chosen = {head[3] for head in heads}
        self._heads = [head for head in self._heads if head[3] not in chosen]
        heapq.heapify(self._heads)
        return [self._pop(head[3]) for head in heads]

    def owners(self) -> list[str]:
        """Return the owners with an item."""
        return list(self._queues)

    def clear(self) -> list[Item]:
        """Remove and return all items, in no particular order, and begin the rounds again."""
        items = [entry[3] for waiting in self._queues.values() for entry in waiting]
        self._queues.clear()
        self._heads.clear()
        self._last_round.clear()
        self._round = self._size = 0
        return items

    def _pop(self, owner: str) -> Item:
        waiting = self._queues[owner]
        number, _, _, item = waiting.popleft()
        self._round = max(self._round, number)
        self._size -= 1
        if waiting:
            heapq.heappush(self._heads, (*waiting[0][:3], owner))
        else:
            del self._queues[owner]
        if not self._size:  # an empty queue keeps no owners
            self._last_round.clear()
            self._round = 0
        return item
