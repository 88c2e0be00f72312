"""The other users, with the posts whose lateness is measured. There are many, so no limit per user matters."""

from collections.abc import Sequence

from tests.attack.target import token_for
from tests.bench.api import Api
from tests.bench.ledger import Post


class User:
    """One author. Each method uses one connection, and closes it."""

    def __init__(self, url: str, secret: str, number: int) -> None:
        self._url = url
        self._token = token_for(secret, f"author-{number}")

    def write(self, count: int) -> list[str]:
        """Create an account and `count` drafts. Returns their ids."""
        api = Api(self._url, self._token)
        account = api.account()
        keys = [api.write(f"Post {number} of an author", account) for number in range(count)]
        api.close()
        return keys

    def schedule(self, posts: Sequence[Post]) -> None:
        api = Api(self._url, self._token)
        for post in posts:
            api.schedule(post.key, post.due)
        api.close()
