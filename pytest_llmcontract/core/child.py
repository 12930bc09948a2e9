"""The environment of a child process whose clients are to call a server of ours, and to carry no real key there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_llmcontract.core.facts.registry import DUMMY_KEY, address_names, key_names, provider_names

_DIRECT = "127.0.0.1,localhost"


def env_of_child(address: str, environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* for a child: every provider below *address*, every key of one a dummy, and no proxy in between."""
    made = {**environ}
    for provider in provider_names():
        made.update(dict.fromkeys(address_names(provider), f"{address}/{provider}"))
        made.update(dict.fromkeys(key_names(provider), DUMMY_KEY))
    return {**made, **dict(_past_proxies(environ))}


def _past_proxies(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("NO_PROXY", "no_proxy"):
        yield name, ",".join(filter(None, (environ.get(name), _DIRECT)))
