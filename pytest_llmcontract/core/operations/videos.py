"""Films: jobs that are ordered, looked at until they are done, and fetched from the address they give."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.lasting import not_there
from pytest_llmcontract.core.operations.operation import FREE, Operation

QUEUED_SECONDS, WHOLE_SECONDS = 5, 180
"""Until somebody begins (assumed), and until it is done: about three minutes (documented)."""

Status = Literal["queued", "in_progress", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class Film:
    """One job."""

    id: str
    model: str
    prompt: str
    size: str
    """``1366x768``"""
    seconds: str
    format: str
    """``MP4`` or ``WEBM``."""
    cost: Decimal
    created: datetime
    address: str
    """What the end of its address is, once it is done."""
    fault: str = ""
    """Why it will fail."""

    @property
    def completed(self) -> datetime:
        return self.created + timedelta(seconds=WHOLE_SECONDS)

    def status(self, now: datetime) -> Status:
        if now < self.created + timedelta(seconds=QUEUED_SECONDS):
            return "queued"
        if now < self.completed:
            return "in_progress"
        return "failed" if self.fault else "completed"

    def is_there(self, now: datetime) -> bool:
        """Only once it is done."""
        return self.status(now) == "completed"

    @property
    def content_type(self) -> str:
        return f"video/{self.format.lower()}"

    def data(self) -> bytes:
        """A file of the format's first box alone, with the prompt behind it: it is no film that plays."""
        words = self.prompt.encode("utf-8", "replace")
        if self.format == "WEBM":
            return b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\xec" + bytes([0x80 | min(len(words), 126)]) + words[:126]
        kind = b"isom" + struct.pack(">I", 512) + b"isommp41"
        return struct.pack(">I", 8 + len(kind)) + b"ftyp" + kind + struct.pack(">I", 8 + len(words)) + b"free" + words


@dataclass(frozen=True, slots=True)
class Shown:
    """A job as it stands."""

    film: Film
    status: Status
    usage: Usage = NOTHING_USED


class OrderFilm(Operation):
    """From a prompt. It is paid when it is ordered (assumed), unless it will fail."""

    models = ("video",)
    does = "video generation"

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        body, seconds = turn.body, str(turn.body.get("seconds") or 5)
        film = Film(
            state.envelope.new_id("video", turn.now),
            turn.model.id,
            str(body.get("prompt") or ""),
            f"{body.get('width') or 1366}x{body.get('height') or 768}",
            seconds,
            body.get("output_format") or "MP4",
            FREE if _fault(body) else turn.model.prices.video or FREE,
            turn.now,
            state.envelope.new_id("picture", turn.now),
            _fault(body),
        )
        state.kept["films"].put(film.id, film)
        state.kept["pictures"].put(film.address, film)
        return _shown(state, turn, film)

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        if turn.model is None or _fault(turn.body):
            return FREE
        return turn.model.prices.video or FREE


def _fault(body: Mapping[str, object]) -> str:
    """What shows only when somebody begins."""
    seconds = str(body.get("seconds") or 5)
    if not seconds.isdecimal() or not 1 <= int(seconds) <= 60:
        return f"Unsupported value {seconds!r} for parameter 'seconds'"
    if not body.get("prompt") and not body.get("media"):
        return "Unsupported request without the parameter 'prompt'"
    return ""


def _shown(state: State, turn: Turn, film: Film) -> Shown:
    status = film.status(turn.now)
    # A word that the SDK's own types do not have: a lenient provider keeps to what generated suites know.
    return Shown(film, "in_progress" if state.lenient and status == "queued" else status)


class ShowFilm(Operation):
    """The one that the address names."""

    says = False
    remembers = True

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        film = state.kept["films"].get(turn.targets["id"], turn.at)
        if film is None:
            return not_there(state, turn)
        return _shown(state, turn, film)

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        return FREE


OPERATIONS: Mapping[str, Operation] = {"videos.create": OrderFilm(), "videos.retrieve": ShowFilm()}
