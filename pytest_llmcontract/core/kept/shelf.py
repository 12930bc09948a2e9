"""Shelves of things that last (files, batches, jobs, endpoints): found by id, listed in pages, gone when they expire.

Moments are seconds on the virtual clock, an argument like everywhere. That a thing has expired is computed when
somebody looks; who wants to act at that moment books it on the clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from pytest_llmcontract.core.errors import BadInput

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some of the things, in the order asked for."""

    things: list[tuple[str, T]]
    """Each with its id."""
    more: bool
    """Whether others follow."""


@dataclass(slots=True)
class _Place(Generic[T]):
    thing: T
    expires: float | None


class Shelf(Generic[T]):
    """Things by id, in the order in which they were put there."""

    def __init__(self) -> None:
        self._places: dict[str, _Place[T]] = {}

    def put(self, id: str, thing: T, *, expires: float | None = None) -> T:
        """Keep *thing*, in place of what had its id, until the moment *expires*."""
        self._places[id] = _Place(thing, expires)
        return thing

    def get(self, id: str, now: float) -> T | None:
        """What has this *id*; ``None``: it never was there, was dropped, or has expired."""
        place = self._places.get(id)
        return place.thing if place and _lasts(place, now) else None

    def drop(self, id: str, now: float) -> T | None:
        """Take it away; ``None`` as for :meth:`get`."""
        thing = self.get(id, now)
        self._places.pop(id, None)
        return thing

    def page(self, now: float, *, after: str = "", size: int | None = None, newest_first: bool = False) -> Page[T]:
        """Those that are there at *now*.

        Args:
            after: Begin behind the thing of this id; one that has expired by now still marks its place.
            size: How many at most.
            newest_first: In which order.

        Raises:
            BadInput: *after* is not there, or was dropped.
        """
        ids = list(self._places)
        if newest_first:
            ids.reverse()
        if after:
            if after not in self._places:
                raise BadInput(f"nothing has the id {after!r}; accepted is the id of something that was listed")
            ids = ids[ids.index(after) + 1 :]
        there = [id for id in ids if _lasts(self._places[id], now)]
        chosen = there if size is None else there[:size]
        return Page([(id, self._places[id].thing) for id in chosen], len(there) > len(chosen))


class Kept:
    """The shelves of one provider, by the kind of things on them: ``kept["files"]``."""

    def __init__(self) -> None:
        self._shelves: dict[str, Shelf[Any]] = {}

    def __getitem__(self, kind: str) -> Shelf[Any]:
        """The shelf of a kind; an empty one where nothing was put yet."""
        return self._shelves.setdefault(kind, Shelf())


def _lasts(place: _Place[T], now: float) -> bool:
    return place.expires is None or now < place.expires
