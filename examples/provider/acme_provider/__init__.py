"""Acme: OpenAI's interface with fewer features. What data cannot say of it are its rate-limit headers."""

from __future__ import annotations

import math
from dataclasses import replace

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.providers.plain import PLAIN, PlainEnvelope


class AcmeEnvelope(PlainEnvelope):
    """Every reply of a model tells what is left of its requests."""

    def headers(self, turn: Turn, status: int, body: bytes | None) -> dict[str, str]:
        headers = super().headers(turn, status, body)
        if requests := turn.limits.get("RPM"):
            headers["x-acme-limit"] = f"{requests.limit:g}"
            headers["x-acme-left"] = str(requests.remaining)
            headers["x-acme-reset"] = str(math.ceil(requests.reset_seconds))
        return headers


PROVIDER = replace(PLAIN, name="acme", envelope=AcmeEnvelope)
