"""Whose an error is: the signs by which each provider's errors are told, and those of providers that are not simulated.

A provider says its own in ``signs.json`` beside its other data: ``named`` (what names it anywhere in a text), ``own``
(words that nobody else's errors have), ``clients``, ``texts`` (families that its catalogue has no entry of their own
for) and ``sdk_words`` (what its SDK says in place of the reply). One without is known by name and hosts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pytest_llmcontract.core.facts.registry import provider_folder, provider_hosts, provider_names

_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class Signs:
    """How the errors of one provider are told."""

    title: str
    named: re.Pattern[str]
    own: re.Pattern[str] = _NEVER
    gateway: bool = False
    """It passes on the errors of others."""
    nulls: bool = True
    """It sends ``"param": null``."""
    clients: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[tuple[str, str], ...] = ()
    """A text and the error of the catalogue that it is."""
    sdk_words: Mapping[str, int] = field(default_factory=dict)
    """What the SDK says of a status, whatever the reply said."""


@cache
def signs_of(provider: str) -> Signs:
    """The signs of a provider that is simulated."""
    file = provider_folder(provider) / "signs.json"
    if not file.exists():
        names = "|".join(map(re.escape, (provider, *provider_hosts(provider))))
        return Signs(provider, re.compile(rf"\b(?:{names})", re.I))
    read = json.loads(file.read_bytes())
    texts = tuple((line["text"], line["error"]) for line in read.get("texts", ()))
    return Signs(
        provider,
        _pattern(read["named"]),
        _pattern(read["own"]),
        nulls=read["nulls"],
        clients=read["clients"],
        texts=texts,
        sdk_words=read.get("sdk_words", {}),
    )


@cache
def others() -> tuple[Signs, ...]:
    """The signs of providers that are not simulated."""
    read = json.loads((Path(__file__).parent / "others.json").read_bytes())
    return tuple(
        Signs(line["title"], _pattern(line["around"]), _pattern(line["words"]), bool(line.get("gateway")))
        for line in read
    )


def named_in(text: str) -> frozenset[str]:
    """The simulated providers that *text* names."""
    return frozenset(name for name in provider_names() if signs_of(name).named.search(text))


@dataclass(frozen=True)
class Owner:
    """Whose an error seems to be."""

    providers: frozenset[str] = frozenset()
    """Of ours; empty if nothing speaks for any."""
    other: str | None = None
    """One that is not simulated."""


def owner_of(error: str, before: str, after: str) -> Owner:
    """Whose an error is.

    Args:
        error: Its own words, codes and fields.
        before: What stands before it.
        after: What stands behind it.
    """
    own = frozenset(name for name in provider_names() if signs_of(name).own.search(error))
    if own:
        return Owner(own)
    named = named_in(error)
    strong = next((sign for sign in others() if sign.own.search(error)), None)
    around = frozenset(named | named_in(before) | named_in(after))
    if strong is not None and not (strong.gateway and around):
        return Owner(other=strong.title)
    if named:
        return Owner(named)
    stranger = _last_named(before, after)
    if stranger is None or (stranger[0].gateway and around):
        return Owner(around)
    mine = max((_last(signs_of(name).named, before) for name in around), default=-1)
    if around and (mine > stranger[1] or (stranger[1] < 0 and mine < 0)):
        return Owner(around)
    return Owner(other=stranger[0].title)


def _last_named(before: str, after: str) -> tuple[Signs, int] | None:
    """The other provider that was named last before the error, or behind it; and where."""
    found = [(place, sign) for sign in others() if (place := _last(sign.named, before)) >= 0]
    if found:
        place, sign = max(found, key=lambda row: row[0])
        return sign, place
    behind = next((sign for sign in others() if sign.named.search(after)), None)
    return None if behind is None else (behind, -1)


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((found.start() for found in pattern.finditer(text)), default=-1)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.I)
