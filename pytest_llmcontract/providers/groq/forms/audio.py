"""Groq's sound: speech as a file, and transcripts as text and as JSON.

Read off a recorded reply of 2024-07 and a developer's notes of live probes (2026-10).
"""

from __future__ import annotations

import zlib
from typing import Any

from pytest_llmcontract.core.call.form import TypedForm
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.audio import Spoken, Transcript
from pytest_llmcontract.core.sound.transcript import Part
from pytest_llmcontract.providers.groq.languages import language_name
from pytest_llmcontract.providers.plain import PlainEnvelope

WINDOW = 30
"""Seconds that Whisper listens to at a time; ``seek`` counts where each begins, in hundredths."""


class SpeechForm(TypedForm):
    """A file."""

    def type_of(self, turn: Turn) -> str:
        return "audio/wav"

    def body(self, turn: Turn, answer: Spoken) -> bytes:
        return answer.data


class TranscriptForm(TypedForm):
    """A text; or JSON, with times where they are asked for."""

    def __init__(self, envelope: PlainEnvelope, task: str) -> None:
        self._envelope = envelope
        self._task = task

    def type_of(self, turn: Turn) -> str:
        return "text/plain; charset=UTF-8" if turn.body.get("response_format") == "text" else ""

    def body(self, turn: Turn, answer: Transcript) -> bytes:
        match turn.body.get("response_format"):
            case "text":
                return f" {answer.text}".encode()
            case "verbose_json":
                return self._envelope.encoded(self._verbose(turn, answer))
        return self._envelope.encoded({"text": answer.text, **_mark(turn)})

    def _verbose(self, turn: Turn, answer: Transcript) -> dict[str, Any]:
        asked = turn.body.get("timestamp_granularities[]") or turn.body.get("timestamp_granularities") or ()
        words = {"words": [_word(word) for word in answer.words()]} if "word" in asked else {}
        return {
            "task": self._task,
            "language": language_name(turn.body.get("language") if self._task == "transcribe" else "en"),
            "duration": round(answer.seconds, 2),
            "text": answer.text,
            **words,
            "segments": [_segment(index, part) for index, part in enumerate(answer.parts)],
            **_mark(turn),
        }


def _mark(turn: Turn) -> dict[str, Any]:
    return {"x_groq": {"id": turn.request_id}}


def _word(word: Part) -> dict[str, Any]:
    return {"word": word.text, "start": word.start, "end": word.end}


def _segment(index: int, part: Part) -> dict[str, Any]:
    """What Whisper says of each; how sure it was is made up, since it listened to nothing."""
    text = part.text.encode()
    return {
        "id": index,
        "seek": int(part.start // WINDOW) * WINDOW * 100,
        "start": part.start,
        "end": part.end,
        "text": f" {part.text}",
        "tokens": [zlib.crc32(word.encode()) % 50_257 for word in part.text.split()],
        "temperature": 0,
        "avg_logprob": -0.25,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 7),
        "no_speech_prob": 0.01,
    }
