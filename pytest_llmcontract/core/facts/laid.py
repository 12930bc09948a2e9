"""Lays facts of one's own over ours, once every record of them is checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_llmcontract.core.errors import LlmContractError
from pytest_llmcontract.core.facts.lifecycle import lifecycle_of
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.overlay import overlay_of, use
from pytest_llmcontract.core.facts.registry import provider_names


def lay_over(path: Path) -> Callable[[], None]:
    """Use the facts of the file at *path* too; the returned function ends that.

    Raises:
        BadInput: It cannot be read, or has another form.
        DataError: A record is wrong; the message names it.
    """
    restore = use(path, provider_names())
    try:
        for provider in provider_names():
            if overlay_of(provider):
                load_edition(provider)
                lifecycle_of(provider)
    except LlmContractError:
        restore()
        raise
    return restore
