"""Switches, texts and figures in which providers differ, or that changed over time.

Each provider has a class of its own, with what its forms, its account and its limits read
(``providers/<name>/dialect.py``); here is what the path of a call itself reads. A key of ``dialect.json`` that the
class does not have stops the load.
"""

from __future__ import annotations

from typing import Literal

from pytest_llmcontract.core.facts.records import Fact


class Dialect(Fact):
    """What every provider's dialect has. ``dialect.json`` says of each what it means and where it was seen."""

    body_indent: int | None = None
    """Spaces by which JSON bodies are indented; ``None``: compact."""
    body_end: str = ""
    admission: Literal["characters", "prompt_tokens", "maximum"] = "prompt_tokens"
    """What an admitted call takes at once is counted in; ``maximum``: the longest answer it allows is kept as well."""
    refused_by: Literal["maximum", "prompt"] = "maximum"
    """Whether the longest answer that a call allows must be left of a limit, or its prompt alone."""
    admission_extra: int = 1
    cache_seconds: int = 0
    """How long a prompt stays in the prompt cache unused; 0: there is none."""
    cache_minimum: int = 0
    """The shortest prompt that is cached, in tokens, of models of which nothing nearer is known."""
    cache_block: int = 1
    """Tokens that are cached together."""
    upload_bytes: int | None = None
    """The most that a file in a form may have; ``None``: not known."""
