"""Seats shared by owner: one for each generation of a post, and a withdrawn one is given back once."""

from app.domain.seats import Seats


def test_place_has_one_seat_until_it_is_given_back():
    seats = Seats(2)
    first = seats.take("a", ("post", 1))
    assert first is not None
    assert seats.take("a", ("post", 1)) is None
    assert seats.take("a", ("post", 2)) is not None
    assert seats.free == 0
    seats.release(first)
    seats.release(first)
    assert seats.free == 1
    assert seats.take("a", ("post", 1)) is not None


def test_owner_with_the_most_gives_up_its_latest_seat_and_leaves():
    seats, left = Seats(3), list[int]()
    mine = [seats.take("a", ("post", n), lambda n=n: left.append(n)) for n in range(3)]  # type: ignore[misc]
    other = seats.take("b", ("other", 1))
    assert other is not None
    assert [seat.withdrawn for seat in mine if seat is not None] == [False, False, True]
    assert (left, seats.free) == ([2], 0)
    assert mine[2] is not None
    seats.release(mine[2])
    assert seats.free == 0
    assert seats.take("b", ("other", 2)) is None  # both owners would change places for ever
