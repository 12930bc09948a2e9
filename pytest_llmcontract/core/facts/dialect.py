"""Switches, texts and figures in which providers differ, or that changed over time.

Each provider has a class of its own, with what its forms, its account and its limits read
(``providers/<name>/dialect.py``); here is what the path of a call itself reads. A key of ``dialect.json`` that the
class does not have stops the load.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date  # noqa: N812  as in the data files
from decimal import Decimal
from typing import Literal

from pydantic import Field

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
    billed_seconds: float = 0
    """Of sound, that are paid for at least."""
    shortest_sound: float = 0
    """Seconds."""
    longest_sound: float | None = None
    """Seconds; ``None``: not known."""
    default_models: Mapping[str, str] = Field(default_factory=dict)
    """Operation -> the model that answers where the request names none."""

    # Files
    file_bytes: int | None = None
    """The most that a file may have which is uploaded to stay; ``None``: not known."""
    file_days: int | None = None
    """How long files stay; ``None``: until they are deleted."""
    file_content_type: str = "application/octet-stream"
    """Of what was in a file."""

    # Batches
    not_on_plan: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """By plan: operations that it does not have, with ``*`` for any text."""
    batch_purpose: str = "batch"
    """Of a file of requests."""
    batch_result_purpose: str = "batch_output"
    """Of a file of answers."""
    batch_created_status: int = 200
    """Of the reply to a new batch."""
    batch_lines: int | None = None
    """The most that a file of requests may have."""
    batch_bytes: int | None = None
    """The same in bytes."""
    batch_line_bytes: int | None = None
    """The most that one line may have: a longer one ends the batch once it runs."""
    batch_id_characters: int | None = None
    """The most that a ``custom_id`` may have."""
    batch_lines_addressed: bool = True
    """A line says how and where it would be sent, ``method`` and ``url``; else the batch says it for all."""
    batch_endpoints: tuple[str, ...] = ()
    """Where a line may be sent."""
    batch_strict: bool = False
    """A malformed line fails the whole file, not itself alone."""
    batch_both_files: bool = False
    """A finished batch has a file of answers and one of errors, also where one of them is empty."""
    batch_start_seconds: float = 0
    """Until a batch is validated and runs."""
    batch_finish_seconds: float = 0
    """From its last line until its files are there."""
    batch_cancel_seconds: float = 0
    """From the request to cancel it until it is cancelled."""
    batch_lines_per_hour: float = 3600
    """How fast it runs, where the test does not say."""
    batch_window_hours: int | None = None
    """The only window, whatever is asked for; ``None``: the one that is asked for."""
    batch_page: int | None = None
    """How many are listed at once; ``None``: all."""
    batch_ids: int = 0
    """How many ids a list may be narrowed down to."""

    # Jobs, machines and sessions
    training_minimum: Decimal = Decimal(0)
    """Dollars that a fine-tune costs at least."""
    training_checks: bool = False
    """A fine-tune on a file that is none is refused; before, it was made and failed."""
    training_pads: bool = False
    """Examples that are not packed count as many tokens as fit into one."""
    training_seconds: Mapping[str, float] = Field(default_factory=dict)
    """How long a fine-tune is in each state before it is completed, in their order."""
    machine_seconds: float = 0
    """Until a dedicated endpoint, or a replica, is ready."""
    machines_until: Date | None = None
    """First day on which no endpoint of the first kind may be made or started any more."""
    zones: tuple[str, ...] = ()
    """Where machines stand."""
    session_price: Decimal = Decimal(0)
    """Dollars for a session of the code interpreter."""
    session_seconds: float = 0
    """How long one lasts."""
