"""Together's pictures: what a generation answers, and a picture from its store."""

from __future__ import annotations

import base64
from typing import Any

from pytest_llmcontract.core.call.form import TypedForm
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.images import Pictures
from pytest_llmcontract.providers.plain import PlainEnvelope

COLO = "PDX"
"""Cloudflare's place, as ids and ``cf-ray`` end."""


class ImagesForm:
    """Addresses or base64 of what was generated."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Pictures) -> bytes:
        pictures: list[dict[str, Any]] = []
        for index, (id, drawn) in enumerate(answer.pictures):
            picture: dict[str, Any] = {"index": index}
            if turn.body.get("response_format") in ("base64", "b64_json"):
                picture["b64_json"] = base64.b64encode(drawn.data()).decode()
            else:
                picture["url"] = f"{store_of(turn)}/shrt/{id}"
            if answer.typed:
                picture["type"] = "b64_json" if "b64_json" in picture else "url"
            pictures.append(picture | {"timings": {"inference": 0.5}})
        body = {"id": picture_id(turn), "model": turn.call.model, "object": "list", "data": pictures}
        return self._envelope.encoded(body)


class PictureForm(TypedForm):
    """A picture as it is."""

    def type_of(self, turn: Turn) -> str:
        return "image/jpeg"

    def body(self, turn: Turn, answer: Pictures) -> bytes:
        ((_, picture),) = answer.pictures
        turn.content_type = picture.content_type
        return picture.data()


def store_of(turn: Turn) -> str:
    """Where pictures and films are kept: on one host, whichever was asked, unless a server of one's own was."""
    return turn.request.reached or "https://api.together.ai"


def picture_id(turn: Turn) -> str:
    """The id of a generation, also of one that was refused."""
    return f"{turn.request_id}-{COLO}"
