"""The library: a recorded contract of each behaviour of a provider, found by name.

``cassettes/<provider>/<topic>/<behaviour>.yaml`` is called ``<provider>/<topic>/<behaviour>``, or without the topic
where that is clear: ``groq/errors/over_capacity``, ``groq/over_capacity``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.places import find_cassettes
from pytest_llmcontract.recordings.cassette import Cassette

PREFIX = "library:"
"""What a name begins with where a path may stand as well: ``llm_contract("library:groq/over_capacity")``."""


def find(name: str) -> Path:
    """The cassette of the behaviour called *name*.

    Raises:
        BadInput: There is none, or several; the message lists the nearest.
    """
    wanted = name.removeprefix(PREFIX).removesuffix(".yaml")
    found = _by_name().get(wanted, ())
    if len(found) > 1:
        raise BadInput(f"{wanted!r} is the name of several in the library: {', '.join(map(_full_name, found))}")
    if not found:
        near = get_close_matches(wanted, _by_name(), n=5) or sorted(_topics())
        raise BadInput(f"no recording {wanted!r} in the library; near it: {', '.join(near)} (docs/library.md has all)")
    return found[0]


def what_counts(cassette: Cassette) -> Callable[[Any], Any]:
    """What must be the same in an application's own request for the behaviour in *cassette* to answer it.

    A behaviour answers whatever was asked; only a stream cannot answer a call that did not ask for one, nor the other
    way round, unless it is refused.
    """
    refused = all(interaction.reply.status >= 400 for interaction in cassette.interactions)

    def counts(body: Any) -> Any:
        asked = body.get("stream", False) if isinstance(body, dict) else False
        return None if refused else {"stream": asked}

    return counts


def names() -> list[str]:
    """The whole name of every recording."""
    return [_full_name(path) for path in _files()]


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted(find_cassettes().glob("*/*/*.yaml")))


@cache
def _by_name() -> Mapping[str, tuple[Path, ...]]:
    """The cassettes by their whole name, and by that without the topic."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in _files():
        provider, _, behaviour = _full_name(path).split("/")
        found[_full_name(path)].append(path)
        found[f"{provider}/{behaviour}"].append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def _topics() -> set[str]:
    return {name.rpartition("/")[0] for name in names()}


def _full_name(path: Path) -> str:
    return str(path.relative_to(find_cassettes()).with_suffix("").as_posix())
