"""Sound: what is spoken, what is heard, and the voices there are."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision, Whole
from pytest_llmcontract.core.call.multipart import File
from pytest_llmcontract.core.call.ours import not_simulated
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.reported import reported_usage
from pytest_llmcontract.core.exchange import ApiReply, Usage, UsageSource
from pytest_llmcontract.core.facts.records import Model, ModelType
from pytest_llmcontract.core.limits.charges import ByCharacters, ByRequest, Counted
from pytest_llmcontract.core.money.prices import sound_cost
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.core.sound.length import sound_seconds
from pytest_llmcontract.core.sound.made import Sound, mp3, raw, wav
from pytest_llmcontract.core.sound.transcript import Part, made_up, parts, words

SECONDS_BEHIND_ADDRESS = 30.0
"""Of sound that is named by its address: nothing is fetched (assumed; ``reply(usage={"seconds": …})`` says it)."""


class AboutSound(Operation):
    """Paid by the second, or by the character."""

    plays = True

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        prices = turn.model.prices if turn.model else None
        return sound_cost(prices, usage, state.edition.dialect.billed_seconds) if prices else Decimal(0)


# Speaking


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text, and the sound it becomes."""

    sound: Sound
    form: str
    """``wav``, ``mp3``, or its bare samples."""
    bit_rate: int
    """Of an MP3."""
    usage: Usage

    @property
    def data(self) -> bytes:
        """All of it, as a file."""
        if self.form == "wav":
            return wav(self.sound)
        return mp3(self.sound, self.bit_rate) if self.form == "mp3" else raw(self.sound)


class Speak(AboutSound):
    """A text in a voice."""

    streams = True
    models: ClassVar[tuple[ModelType, ...]] = ("audio",)
    does: ClassVar[str] = "speech"

    def counted(self, state: State, turn: Turn) -> Counted:
        return ByCharacters(_characters(turn))

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        most = turn.model.max_characters
        if most is not None and _characters(turn) > most:
            return _too_much_text(state, turn, most)
        form = turn.body.get("response_format") or ("raw" if turn.call.stream else "wav")
        if form not in FORMS:
            return _not_made(turn, form)
        seconds = (wanted.usage or {}).get("seconds")
        source: UsageSource = "estimated" if seconds is None else "scripted"
        usage = Usage(characters=_characters(turn), source=source)
        return Spoken(_sound(turn, turn.model, form, seconds), form, turn.body.get("bit_rate") or 128_000, usage)

    def reported(self, state: State, turn: Turn, reply: ApiReply, source: UsageSource) -> Usage:
        return replace(reported_usage(reply, source), characters=_characters(turn))


FORMS = ("wav", "mp3", "raw", "mulaw")
"""What sound is made in."""


def _characters(turn: Turn) -> int:
    text = turn.body.get("input")
    return len(text) if isinstance(text, str) else 0


def _sound(turn: Turn, model: Model, form: str, seconds: float | None) -> Sound:
    """Some models have their own samples, whatever is asked."""
    own = "own_sound" in model.rules
    rate = None if own else turn.body.get("sample_rate")
    encoding = {"raw": "pcm_f32le", "mulaw": "pcm_mulaw"}.get(form, "pcm_s16le")
    if form == "raw":
        encoding = "pcm_s16le" if own else turn.body.get("response_encoding") or encoding
    speed = turn.body.get("speed") or 1.0
    return Sound(turn.body["input"], rate or model.sample_rate, encoding, float(speed), seconds)


def _too_much_text(state: State, turn: Turn, most: int) -> Refusal:
    count = _characters(turn)
    turn.find(
        "LLM107",
        f"{count} characters are more than the {most} that {turn.call.model} speaks at once",
        path="$.input",
        sent=f"{count} characters",
        allowed=f"at most {most} characters",
        fix="cut the text into pieces, and put the sound of them together",
    )
    return state.edition.refusal("text_too_long", {"count": count, "limit": most})


def _not_made(turn: Turn, form: str) -> Whole:
    """A form that the provider has and that nothing here can encode."""
    text = f"pytest-llmcontract makes no sound as {form}"
    turn.find("LLM204", f"nothing answers with sound as {form}", fix=f"{text}: script it with reply(body=…)")
    return not_simulated(text)


# Listening


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard, and when."""

    text: str
    seconds: float
    parts: tuple[Part, ...]
    """Its sentences."""
    usage: Usage

    def words(self) -> list[Part]:
        """All of them, in order."""
        return [word for part in self.parts for word in words(part)]


@dataclass(frozen=True, slots=True)
class Heard:
    """A file of sound."""

    seconds: float | None
    """How long it plays; ``None``: it is no sound."""
    source: UsageSource = "estimated"
    """``estimated``: its own header says so."""
    empty: bool = False


class Listen(AboutSound):
    """What is said in a file."""

    parts = frozenset({"content"})
    models: ClassVar[tuple[ModelType, ...]] = ("transcribe",)

    def counted(self, state: State, turn: Turn) -> Counted:
        return ByRequest(math.ceil(heard(turn).seconds or 0))

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        sound = heard(turn)
        if (refused := _unheard(state, turn, turn.model, sound)) is not None:
            return refused
        seconds = sound.seconds or 0.0
        said = wanted.content if isinstance(wanted.content, str) else "".join(wanted.content or ())
        text = made_up(seconds, turn.call.model) if wanted.content is None else said
        return Transcript(text, seconds, tuple(parts(text, seconds)), Usage(seconds=seconds, source=sound.source))

    def reported(self, state: State, turn: Turn, reply: ApiReply, source: UsageSource) -> Usage:
        """Its own word for how long it plays, else what the file says."""
        body = reply.json
        told = body.get("duration") if isinstance(body, Mapping) else None
        known = isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < math.inf
        seconds = told if known else heard(turn).seconds
        return replace(reported_usage(reply, source), seconds=float(seconds or 0))


class Transcribe(Listen):
    """In its own language."""

    does: ClassVar[str] = "transcription"


class Translate(Listen):
    """In English."""

    does: ClassVar[str] = "translation"


def heard(turn: Turn) -> Heard:
    """The sound of a request: a file in its form, or what an address in it stands for."""
    script = turn.due.part if turn.due is not None else None
    seconds = (script.usage or {}).get("seconds") if isinstance(script, ScriptedReply) else None
    if seconds is not None:
        return Heard(float(seconds), "scripted")
    sent = turn.body.get("file") or turn.body.get("url")
    if isinstance(sent, str):
        if sent.lower().startswith(("http://", "https://")):
            return Heard(SECONDS_BEHIND_ADDRESS, "assumed")
        sent = File("", _decoded(sent))
    if not isinstance(sent, File):
        return Heard(None)
    return Heard(sound_seconds(sent.data), empty=not sent.data)


def _decoded(text: str) -> bytes:
    """The bytes of a ``data:`` address, or of base64 as addresses have it; none where it is neither."""
    content = text.partition(",")[2] if text.lower().startswith("data:") else text
    try:
        plain = content.replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _unheard(state: State, turn: Turn, model: Model, sound: Heard) -> Refusal | None:
    """Why nobody listens to it."""
    dialect, where = state.edition.dialect, "$.url" if "url" in turn.body else "$.file"

    def refused(reason: str, code: str, said: str, sent: str, allowed: str, fix: str) -> Refusal | None:
        if not state.edition.refuses(reason):
            return None
        turn.find(code, said, path=where, sent=sent, allowed=allowed, fix=fix)
        return state.edition.refusal(reason)

    if "socket_only" in model.rules:
        turn.find(
            "LLM102",
            f"{model.id} listens over a websocket only",
            path="$.model",
            sent=model.id,
            allowed="a model that takes files",
            fix="choose another model, or connect to its websocket",
        )
        return state.edition.refusal("wrong_model", {"does": "transcription of files"}, operation=turn.operation)
    if sound.empty:
        return refused("empty_file", "LLM102", "the file is empty", "0 bytes", "sound", "send what was recorded")
    if sound.seconds is None:
        fix = 'send sound, or let a script say how long it is: reply(…, usage={"seconds": 30})'
        return refused("no_sound", "LLM102", "the file is no sound", "other bytes", "a file that plays", fix)
    played = f"{sound.seconds:g} seconds"
    if sound.seconds < dialect.shortest_sound:
        least = f"at least {dialect.shortest_sound:g} seconds"
        return refused("sound_too_short", "LLM102", "the sound is too short", played, least, "leave out what is silent")
    if dialect.longest_sound is not None and sound.seconds > dialect.longest_sound:
        most = f"at most {dialect.longest_sound:g} seconds"
        return refused("sound_too_long", "LLM107", "the sound is too long", played, most, "cut it into pieces")
    return None


# Voices


@dataclass(frozen=True, slots=True)
class Voices:
    """Of each model that speaks."""

    models: tuple[Model, ...]
    usage: Usage = NOTHING_USED


class ListVoices(Operation):
    """The voices of all models that speak today, or of the one that the address asks for."""

    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        today, asked = turn.now.date(), (turn.query.get("model") or [""])[0]
        speaking = [
            model
            for model in state.models()
            if model.voices and model.since <= today and not model.is_retired(today) and asked in ("", model.id)
        ]
        if asked and not speaking:
            return state.edition.refusal("unknown_model", {"model": asked})
        return Voices(tuple(speaking))


OPERATIONS: Mapping[str, Operation] = {
    "audio.speech": Speak(),
    "audio.transcriptions": Transcribe(),
    "audio.translations": Translate(),
    "voices.list": ListVoices(),
}
