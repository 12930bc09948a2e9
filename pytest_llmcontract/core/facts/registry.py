"""Which providers there are: found through the entry point ``pytest_llmcontract.providers``, ours too, once a process.

Their names, folders and the plain facts of ``api.json`` are had without running a provider's code: pytest asks for
them at every start, so this module imports the standard library only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput, DataError, unknown
from pytest_llmcontract.core.facts.overlay import forgets, overlay_of
from pytest_llmcontract.core.hosts import normal_host

GROUP = "pytest_llmcontract.providers"
"""The entry point: ``acme = "acme_provider:PROVIDER"``; the package named there holds the data files."""
DUMMY_KEY = "llmcontract-dummy-key"
"""A key that is valid for the simulation and nowhere else."""


@cache
def _points() -> Mapping[str, EntryPoint]:
    """Name -> where its value is; ours first. To read them takes milliseconds."""
    found = sorted(entry_points(group=GROUP), key=lambda point: (not point.module.startswith(f"{GROUP}."), point.name))
    return {point.name: point for point in found}


def provider_names() -> tuple[str, ...]:
    """The providers that can be simulated, ours first."""
    return tuple(_points())


def entry_point(name: str) -> EntryPoint:
    """Where a provider's value is to be loaded from (:func:`pytest_llmcontract.core.provider.provider_called`).

    Raises:
        BadInput: There is no such provider.
    """
    if name not in _points():
        raise unknown("provider", name, provider_names())
    return _points()[name]


@cache
def provider_folder(name: str) -> Path:
    """The folder of a provider's data: that of the package its entry point names, which is not run for it.

    Raises:
        BadInput: There is no such provider.
        DataError: The package is not there.
    """
    point = entry_point(name)
    try:
        spec = find_spec(point.module)
    except ImportError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"provider {name!r}: its entry point {point.value} names no package that is there")
    return Path(spec.submodule_search_locations[0])


@cache
def api_of(name: str) -> Mapping[str, Any]:
    """A provider's ``api.json``, as it stands.

    Raises:
        BadInput: There is no such provider.
        DataError: The file is missing or broken.
    """
    file = provider_folder(name) / "api.json"
    try:
        read: Mapping[str, Any] = json.loads(file.read_bytes())
        return {**read, "hosts": tuple(read["hosts"])}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(f"{name}/api.json: {problem}") from None


def provider_hosts(name: str) -> frozenset[str]:
    """The hosts of a provider, whatever the edition, in normal form."""
    return frozenset(map(normal_host, api_of(name)["hosts"]))


def title_of(name: str) -> str:
    """What people call a provider, ``Together AI``."""
    return str(api_of(name).get("title") or name.capitalize())


def key_names(name: str) -> tuple[str, ...]:
    """The environment variables that clients read a provider's key from, the usual one first."""
    return tuple(api_of(name).get("keys") or (f"{name.upper()}_API_KEY",))


def address_names(name: str) -> tuple[str, ...]:
    """The environment variables that clients read another address of a provider from."""
    return tuple(api_of(name).get("addresses") or (f"{name.upper()}_BASE_URL",))


@forgets
@cache
def edition_days(name: str) -> tuple[date, ...]:
    """The days of a provider's editions, oldest first. Facts of one's own are one of the day they were read.

    Raises:
        BadInput: There is no such provider.
        DataError: The file of its editions is missing or broken.
    """
    file = provider_folder(name) / "editions.json"
    own = overlay_of(name).get("read")
    try:
        days = {date.fromisoformat(record["date"]) for record in json.loads(file.read_bytes())}
    except FileNotFoundError:
        raise DataError(f"{name}/editions.json: no such file") from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(f"{name}/editions.json: {problem}") from None
    return tuple(sorted(days | ({date.fromisoformat(own)} if own else set())))


TODAY = "LLMCONTRACT_TODAY"
"""The environment variable that says which day it is, for runs that have to come out the same on every day."""
OLD = timedelta(60)
"""From which facts count as old: both providers change something every few weeks."""


def today() -> date:
    """The real day (UTC), or the one that ``$LLMCONTRACT_TODAY`` says.

    Raises:
        BadInput: That is no date.
    """
    said = os.environ.get(TODAY)
    try:
        return date.fromisoformat(said) if said else datetime.now(UTC).date()
    except ValueError:
        raise BadInput(f"${TODAY} is {said!r}; accepted: a date, such as 2026-11-28") from None


def old_facts(name: str) -> str:
    """What is to be told of facts that are old; empty while they are not."""
    newest = edition_days(name)[-1]
    age = today() - newest
    return f"the newest facts of {name} are of {newest}, {age.days} days ago" if age > OLD else ""


def limit_headers(name: str) -> Mapping[str, tuple[str, int]]:
    """Header -> the kind of limit that it tells, and what its number is multiplied by."""
    told: Mapping[str, Any] = api_of(name).get("limit_headers") or {}
    return {header: (line["kind"], line["times"]) for header, line in told.items()}
