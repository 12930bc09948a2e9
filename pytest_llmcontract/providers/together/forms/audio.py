"""Together's sound: speech as a file and as a stream, transcripts, and the list of voices.

No stream of it was recorded: one shape is that of the OpenAPI document and of the SDKs, the other that of Together's
own agent skills and of clients of 2026. Source: togethercomputer/openapi of 2026-04-28, the SDKs 2.39 to 3.1.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmcontract.core.call.form import TypedForm, compact
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.audio import Spoken, Transcript, Voices
from pytest_llmcontract.core.sound.made import pieces
from pytest_llmcontract.core.sound.transcript import Part, parts, words
from pytest_llmcontract.providers.plain import PlainEnvelope
from pytest_llmcontract.providers.together.dialect import TogetherDialect

TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
"""Content types of files (assumed); samples without a file around them are ``application/octet-stream``."""
PIECES_A_SECOND = 2
"""Events of a stream for a second of sound (assumed)."""


class SpeechForm(TypedForm):
    """A file, or a stream of samples."""

    def __init__(self, envelope: PlainEnvelope, dialect: TogetherDialect) -> None:
        self._ids = envelope.ids
        self._dialect = dialect

    def type_of(self, turn: Turn) -> str:
        return TYPES.get(turn.body.get("response_format") or "wav", "application/octet-stream")

    def body(self, turn: Turn, answer: Spoken) -> bytes:
        return answer.data

    def events(self, turn: Turn, answer: Spoken) -> Iterator[bytes]:
        data = answer.data
        size = max(1, len(data) // answer.sound.samples) * max(1, answer.sound.rate // PIECES_A_SECOND)
        sounds = (base64.b64encode(piece).decode() for piece in pieces(data, size))
        if self._dialect.speech_stream == "chunk":
            for sound in sounds:
                yield _event({"object": "audio.tts.chunk", "model": turn.call.model, "b64": sound})
            return
        item = f"tts_{self._ids.letters(8, '0123456789')}"
        if turn.body.get("alignment") == "word":
            yield _event({"type": "conversation.item.word_timestamps", "item_id": item, **_times(answer)})
        for sound in sounds:
            yield _event({"type": "conversation.item.audio_output.delta", "item_id": item, "delta": sound})


def _times(answer: Spoken) -> dict[str, Any]:
    said = [word for part in parts(answer.sound.text, answer.sound.seconds) for word in words(part)]
    return {
        "words": [word.text for word in said],
        "start_seconds": [word.start for word in said],
        "end_seconds": [word.end for word in said],
    }


def _event(body: Mapping[str, Any]) -> bytes:
    return f"data: {compact(body)}\n\n".encode()


class TranscriptForm:
    """The text; in ``verbose_json`` with times, and with speakers where they are to be told apart."""

    def __init__(self, envelope: PlainEnvelope, task: str) -> None:
        self._envelope = envelope
        self._task = task

    def body(self, turn: Turn, answer: Transcript) -> bytes:
        verbose = turn.body.get("response_format") == "verbose_json"
        return self._envelope.encoded(self._verbose(turn, answer) if verbose else {"text": answer.text})

    def _verbose(self, turn: Turn, answer: Transcript) -> dict[str, Any]:
        speakers = _speakers(turn.body)
        said = [(part, words(part), speaker) for part, speaker in zip(answer.parts, _turns(speakers), strict=False)]
        body = {
            "task": self._task,
            "language": self._language(turn),
            "duration": round(answer.seconds, 2),
            "text": answer.text,
            "segments": [_segment(index, part) for index, (part, _, _) in enumerate(said)],
        }
        if speakers or "word" in _granularities(turn.body):
            body["words"] = [_word(word, speaker) for _, all_words, speaker in said for word in all_words]
        if speakers:
            body["speaker_segments"] = [
                {**_segment(index, part), "speaker_id": speaker, "words": [_word(word, speaker) for word in all_words]}
                for index, (part, all_words, speaker) in enumerate(said)
            ]
        return body

    def _language(self, turn: Turn) -> str:
        """Nobody has listened: what was not told is taken to be English."""
        told = turn.body.get("language")
        return told if isinstance(told, str) and told not in ("", "auto") else "en"


def _granularities(body: Mapping[str, Any]) -> Any:
    return body.get("timestamp_granularities[]") or body.get("timestamp_granularities") or ()


def _speakers(body: Mapping[str, Any]) -> int:
    """How many speak: as few as the request allows, and two where it says nothing; 0 where nobody asks."""
    if body.get("diarize") not in (True, "true"):
        return 0
    least, most = (_count(body.get(f"{end}_speakers")) for end in ("min", "max"))
    return least or min(2, most or 2)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0


def _turns(speakers: int) -> Iterator[str | None]:
    """Who speaks, sentence after sentence."""
    index = 0
    while True:
        yield f"SPEAKER_{index % speakers:02}" if speakers else None
        index += 1


def _segment(index: int, part: Part) -> dict[str, Any]:
    return {"id": index, "start": part.start, "end": part.end, "text": part.text}


def _word(word: Part, speaker: str | None) -> dict[str, Any]:
    known = {} if speaker is None else {"speaker_id": speaker}
    return {"word": word.text, "start": word.start, "end": word.end, **known}


class VoicesForm:
    """The voices of every model; the id of each is its name (assumed)."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Voices) -> bytes:
        data = [
            {"model": model.id, "voices": [{"id": voice, "name": voice} for voice in model.voices]}
            for model in answer.models
        ]
        return self._envelope.encoded({"data": data})
