"""Together's pictures: what a generation answers, and a picture from its store."""

from __future__ import annotations

import base64
import string
from typing import Any

from pytest_llmcontract.core.call.form import Ids
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.images import Pictures
from pytest_llmcontract.providers.plain import PlainEnvelope

COLO = "PDX"
"""Cloudflare's place, as ids and ``cf-ray`` end."""
_LETTERS = string.ascii_letters + string.digits
# The smallest picture there is: a JPEG of one grey pixel.
_PIXEL = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP///////////////////////////////////////////////////////////////////////////////"
    "///////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AT//Z"
)


class ImagesForm:
    """Addresses or base64 of what was generated."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope
        self._ids: Ids = envelope.ids

    def body(self, turn: Turn, answer: Pictures) -> bytes:
        pictures: list[dict[str, Any]] = []
        for index in range(answer.count):
            picture: dict[str, Any] = {"index": index}
            if turn.body.get("response_format") in ("base64", "b64_json"):
                picture["b64_json"] = _PIXEL
            else:
                picture["url"] = f"https://api.together.ai/shrt/{self._ids.letters(16, _LETTERS)}"
            pictures.append(picture | {"timings": {"inference": 0.5}})
        body = {"id": picture_id(turn), "model": turn.call.model, "object": "list", "data": pictures}
        return self._envelope.encoded(body)


class PictureForm:
    """A picture as it is."""

    def body(self, turn: Turn, answer: Pictures) -> bytes:
        return base64.b64decode(_PIXEL)


def picture_id(turn: Turn) -> str:
    """The id of a generation, also of one that was refused."""
    return f"{turn.request_id}-{COLO}"
