"""Together's videos: one object for an order and for every look at it."""

from __future__ import annotations

from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.videos import Shown
from pytest_llmcontract.providers.plain import PlainEnvelope
from pytest_llmcontract.providers.together.forms.images import store_of


class VideoForm:
    """The job as it stands; times in Unix seconds, as the specification has them."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Shown) -> bytes:
        film = answer.film
        body: dict[str, Any] = {
            "id": film.id,
            "object": "video",
            "model": film.model,
            "status": answer.status,
            "created_at": int(film.created.timestamp()),
            "size": film.size,
            "seconds": film.seconds,
        }
        if answer.status in ("completed", "failed"):
            body["completed_at"] = int(film.completed.timestamp())
        if answer.status == "completed":
            body["outputs"] = {"cost": float(film.cost), "video_url": f"{store_of(turn)}/shrt/{film.address}"}
        if answer.status == "failed":
            body |= {"outputs": None, "error": {"message": film.fault, "code": "unsupportedParameter"}}
        return self._envelope.encoded(body)
