"""The environment of a child process: how it leads clients to a server of ours, and which real keys are in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmcontract.core.facts.registry import DUMMY_KEY, address_names, key_names, provider_names
from pytest_llmcontract.core.hosts import is_loopback, normal_host

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


def real_keys(environ: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Provider, and the variable of *environ* in which a child would find a key that looks like a real one.

    Where its addresses lead to this machine, the key goes nowhere else.
    """
    texts = {os.fsdecode(name): os.fsdecode(value) for name, value in environ.items()}
    for provider in provider_names():
        here = any(is_loopback(normal_host(texts[name])) for name in address_names(provider) if texts.get(name))
        name = next((name for name in key_names(provider) if _looks_real(texts.get(name, ""))), None)
        if name and not here:
            yield provider, name


def _looks_real(key: str) -> bool:
    if key in ("", DUMMY_KEY):
        return False
    from pytest_llmcontract.core.secrets import has_secrets, made_up, may_be_real

    return not made_up(f"_{key}") and (has_secrets(key) or may_be_real(key))
