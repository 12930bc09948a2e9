"""Hosts in the one form in which they are compared, and the hosts that are guarded though nobody simulates them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache, lru_cache

LOOPBACK_NAMES = frozenset({"", "localhost", "ip6-localhost"})
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})


@lru_cache(maxsize=4096)
def normal_host(host: str) -> str:
    """*host* as hosts are compared: its name alone, in lower-case ASCII.

    A URL, a port, a user and trailing dots are taken off; letters of other scripts become what the name is looked up
    by (IDNA), full-width ones plain. Empty if nothing is left.
    """
    import unicodedata  # pytest's start waits for what is imported above

    written = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", host.translate(_DOTS)).lower()).strip()
    name = written.partition("://")[2] if "://" in written else written
    for end in "/?#\\":
        name = name.partition(end)[0]
    name = _without_port(name.rpartition("@")[2])
    while (shorter := name.strip().rstrip(".")) != name:
        name = shorter
    if ":" in name:
        return _address(name)
    return name if name.isascii() else _idna(name)


def _without_port(name: str) -> str:
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0] if name.count(":") == 1 else name


def _address(name: str) -> str:
    import ipaddress

    try:
        return ipaddress.ip_address(name.partition("%")[0]).compressed
    except ValueError:
        return name


def _idna(name: str) -> str:
    try:
        return name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return name


def is_loopback(host: str) -> bool:
    """Whether *host*, in normal form, is this machine."""
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def matches(host: str, patterns: Iterable[str]) -> bool:
    """Whether *host*, in normal form, is one of *patterns*: hosts in any spelling, or with ``*`` in them."""
    return any(fnmatchcase(host, normal_host(pattern)) for pattern in patterns)


@cache
def known_services() -> Mapping[str, tuple[str, ...]]:
    """Service -> the hosts at which it answers, with ``*`` where a part of the name is the customer's."""
    import json
    from pathlib import Path

    listed = json.loads((Path(__file__).parent / "llm_hosts.json").read_text("utf-8"))
    return {record["service"]: tuple(record["hosts"]) for record in listed["services"]}


@lru_cache(maxsize=4096)
def service_at(host: str) -> str | None:
    """Whose *host*, in normal form, is among well-known LLM services; ``None`` if it is none of them."""
    return next((service for service, hosts in known_services().items() if matches(host, hosts)), None)
