"""Refusals by a limit: the numbers in them, and the state they describe.

Groq tells everything: ``Limit 6000, Used 5034, Requested 1443. Please try again in 4.77s``. Each number is looked for
by itself, so that a text that was shortened still gives what it has; what is missing is computed from the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pytest_llmcontract.core.data import edition_dates, edition_on
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.profile import AUDIO_KINDS, LIMIT_KINDS, TOKEN_KINDS, Edition, Model
from pytest_llmcontract.core.turn import Turn
from pytest_llmcontract.reproduce.paste import Paste, plain
from pytest_llmcontract.reproduce.requests import chat, default_model, sized
from pytest_llmcontract.reproduce.scenario import Level, Request, Scenario

WAIT = r"(?:[0-9]{1,6}(?:\.[0-9]{1,12})?(?:h|ms|µs|us|ns|m|s)){1,4}"
_KIND = re.compile(r"\b(RPM|RPD|TPM|TPD|ITPM|OTPM|ASPH|ASPD|ASH|ASD)\b\)?:?,? ?Limit:? (~?[0-9][0-9_,.]{0,15})")
_USED = re.compile(r"\bUsed:? (~?[0-9][0-9_,.]{0,15})")
_REQUESTED = re.compile(r"\bRequested:? (~?[0-9][0-9_,.]{0,15})")
_WAIT = re.compile(rf"try again in ({WAIT})")
_MODEL = re.compile(r"\bmodel ([^\s,;]{1,120})")
_ORGANIZATION = re.compile(r"\borganization (\S{1,80})")
_TIER = re.compile(r"\bservice tier (\w{1,20})")
_PART = re.compile(r"([0-9.]+)(h|ms|µs|us|ns|m|s)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Refusal:
    """What a refusal of Groq's says."""

    kind: str
    limit: float
    used: float | None
    requested: float | None
    wait: float | None
    """Seconds."""
    model: str
    organization: str
    tier: str | None
    """``None``: the text names none."""
    ending: str | None
    """Its last sentence; empty if it has none, ``None`` if the text stops before that is known."""
    tilde: bool
    reached: bool
    """``Rate limit reached``, not ``Request too large``."""


def read_refusal(paste: Paste) -> Refusal | None:
    """The numbers of a refusal by one of Groq's limits, if *paste* is one."""
    text = plain(paste.words)
    kind = _KIND.search(text)
    if kind is None:
        return None
    requested, used, wait = _REQUESTED.search(text), _USED.search(text), _WAIT.search(text)
    model, organization, tier = _MODEL.search(text), _ORGANIZATION.search(text), _TIER.search(text)
    return Refusal(
        kind={"ASPH": "ASH", "ASPD": "ASD"}.get(kind[1], kind[1]),
        limit=_number(kind[2]),
        used=_number(used[1]) if used else None,
        requested=_number(requested[1]) if requested else None,
        wait=_seconds(wait[1]) if wait else None,
        model=_name(model),
        organization=_name(organization),
        tier=tier[1] if tier else None,
        ending=_ending(text),
        tilde="~" in (requested[1] if requested else ""),
        reached="too large" not in text,
    )


def _number(text: str) -> float:
    value = float(re.sub("[~,_]", "", text).rstrip(".") or 0)
    return int(value) if value.is_integer() else value


def _seconds(text: str) -> float:
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))


def _name(found: re.Match[str] | None) -> str:
    return "" if found is None or set(found[1]) <= set(".…") else found[1].rstrip(".")


def _ending(text: str) -> str | None:
    """The sentence after the wait, or after the advice to send less."""
    for mark in (rf"try again in {WAIT}\.?", r"size and try again\.?", r"expected output\) and try again\.?"):
        if found := re.search(mark, text):
            rest = text[found.end() :].strip()
            return next((sentence for sentence in _ENDINGS if rest.startswith(sentence[:30])), "" if not rest else None)
    return None


_ENDINGS = (
    "Visit https://console.groq.com/docs/rate-limits for more information.",
    "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
    "Need more tokens? Visit https://groq.com/self-serve-support/ to request higher limits.",
)
