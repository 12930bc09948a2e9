"""Sound through the real SDKs: speech, transcripts, voices; what they count, and what is refused."""

from __future__ import annotations

import io
import json
import wave
from decimal import Decimal

import groq
import httpx
import openai
import pytest
import together

from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.sound.made import Sound, mp3, wav

ORPHEUS, KOKORO, WHISPER = "canopylabs/orpheus-v1-english", "hexgrad/Kokoro-82M", "whisper-large-v3"
HELLO = wav(Sound("Hello", 16_000, length=12))


def say(client=None, **fields):
    client = client or groq.Groq(api_key="k", max_retries=0)
    return client.audio.speech.create(**{"model": ORPHEUS, "voice": "troy", "input": "Good morning", **fields})


def hear(client=None, **fields):
    client = client or groq.Groq(api_key="k", max_retries=0)
    if "url" not in fields:
        fields = {"file": ("a.wav", HELLO), **fields}
    return client.audio.transcriptions.create(**{"model": WHISPER, **fields})


def hear_together(**fields):
    client = together.Together(api_key="k", max_retries=0)
    return client.audio.transcriptions.create(
        **{"model": "openai/whisper-large-v3", "file": ("a.wav", HELLO), **fields}
    )


def seconds_of(data: bytes) -> float:
    with wave.open(io.BytesIO(data)) as sound:
        return sound.getnframes() / sound.getframerate()


class TestSpeech:
    def test_plays_as_long_as_the_text_takes(self, groq_api):
        assert seconds_of(say(input="x" * 30).read()) == 2.0
        assert seconds_of(say(input="x" * 30, speed=2).read()) == 1.0
        assert groq_api.calls.last.reply.headers["content-type"] == "audio/wav"

    async def test_reaches_asynchronous_clients_and_files(self, groq_api, tmp_path):
        client = groq.AsyncGroq(api_key="k")
        async with client.audio.speech.with_streaming_response.create(
            model=ORPHEUS, voice="diana", input="x" * 15
        ) as answer:
            await answer.stream_to_file(tmp_path / "a.wav")

        assert seconds_of((tmp_path / "a.wav").read_bytes()) == 1.0

    def test_is_asked_by_openai_too(self, groq_api):
        client = openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1")

        assert seconds_of(say(client).read()) == 0.8

    def test_counts_characters_as_tokens(self, groq_api):
        say(input="x" * 150)

        assert groq_api.limits(ORPHEUS)["TPM"].used == 150
        assert groq_api.calls.last.reply.headers["x-ratelimit-remaining-tokens"] == "1050"
        assert groq_api.calls.last.usage.characters == 150
        assert groq_api.calls.cost == Decimal("0.0033")

    @pytest.mark.llm_allow("LLM204")
    def test_runs_into_the_characters_of_a_day(self, groq_api):
        groq_api.limits(ORPHEUS)
        for _ in range(18):
            say(input="x" * 200)
            groq_api.clock.advance(seconds=60)
        with pytest.raises(groq.RateLimitError, match=r"Limit 3600, Used \d+, Requested 200"):
            say(input="x" * 200)

    @pytest.mark.llm_allow("LLM102", "LLM107")
    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"input": "x" * 201}, "201 characters"),
            ({"voice": "tara"}, "voice must be one of"),
            ({"response_format": "mp3"}, "response_format must be one of [wav]"),
            ({"model": WHISPER}, "does not support speech"),
            ({"speed": 9}, "at most 5"),
        ],
    )
    def test_is_refused(self, groq_api, fields, says):
        with pytest.raises(groq.BadRequestError) as refusal:
            say(**fields)

        assert says in refusal.value.body["error"]["message"]
        assert groq_api.calls.cost == 0

    def test_of_a_model_whose_terms_nobody_accepted(self, groq_api):
        groq_api.fail("model_terms_required")

        with pytest.raises(groq.BadRequestError, match="model=canopylabs%2Forpheus-v1-english"):
            say()

    def test_can_be_scripted_to_the_byte(self, groq_api):
        groq_api.reply(body=b"\x00\xff sound")
        answer = say()

        assert answer.read() == b"\x00\xff sound"
        assert groq_api.calls.last.reply.headers["content-type"] == "audio/wav"

    def test_can_be_scripted_in_its_length(self, groq_api):
        groq_api.reply(usage={"seconds": 3})

        assert seconds_of(say().read()) == 3.0

    @pytest.mark.parametrize(
        ("form", "model", "size"),
        [
            ("wav", KOKORO, 44 + 48_000),
            ("raw", KOKORO, 48_000),
            ("mulaw", KOKORO, 24_000),
            ("raw", "cartesia/sonic", 4 * 44_100),
        ],
    )
    def test_of_together_in_its_forms(self, together_api, form, model, size):
        client = together.Together(api_key="k")
        answer = client.audio.speech.create(model=model, voice="af_heart", input="x" * 15, response_format=form)

        assert len(answer.read()) == size

    def test_of_together_in_the_samples_asked_for(self, together_api):
        client = together.Together(api_key="k")
        answer = client.audio.speech.create(
            model="cartesia/sonic", voice="x", input="x" * 15, response_format="raw", sample_rate=8000,
            response_encoding="pcm_s16le",
        )  # fmt: skip

        assert len(answer.read()) == 16_000
        assert together_api.calls.cost == Decimal("0.000975")

    @pytest.mark.together_api(edition="2026-10-07")
    def test_of_together_streams_for_its_sdk(self, together_api):
        client = together.Together(api_key="k")
        stream = client.audio.speech.create(
            model=KOKORO, voice="af_heart", input="x" * 15, response_format="raw", stream=True
        )

        assert [(chunk.object, len(chunk.b64)) for chunk in stream] == [("audio.tts.chunk", 32_000)] * 2
        assert together_api.calls.last.usage.characters == 15

    @pytest.mark.together_api(edition="2026-08-31")
    def test_of_together_streamed_in_another_shape_once(self, together_api):
        body = {"model": KOKORO, "voice": "af_heart", "input": "Good morning", "stream": True, "alignment": "word"}
        headers = {"authorization": "Bearer k"}
        text = httpx.post("https://api.together.xyz/v1/audio/speech", json=body, headers=headers).text
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]

        assert events[0]["type"] == "conversation.item.word_timestamps"
        assert events[0]["words"] == ["Good", "morning"]
        assert {event["type"] for event in events[1:]} == {"conversation.item.audio_output.delta"}
        assert text.endswith("data: [DONE]\n\n")
        contract = reply_contract("together", "audio.speech", together_api.edition.date)
        assert contract.check_events(events) == ()

    def test_of_together_cut_short(self, together_api):
        together_api.cut_stream(after=1)
        client = together.Together(api_key="k", max_retries=0)
        stream = client.audio.speech.create(
            model=KOKORO, voice="af_heart", input="x" * 30, response_format="raw", stream=True
        )

        assert len(next(iter(stream)).b64) == 32_000
        with pytest.raises(httpx.RemoteProtocolError):
            list(stream)

    @pytest.mark.llm_allow("LLM102")
    def test_of_together_streams_bare_samples_only(self, together_api):
        with pytest.raises(together.BadRequestError):
            together.Together(api_key="k").audio.speech.create(
                model=KOKORO, voice="af_heart", input="x", response_format="wav", stream=True
            )


class TestTranscripts:
    def test_count_the_seconds_of_the_file(self, groq_api):
        hear()

        headers = groq_api.calls.last.reply.headers
        assert headers["x-ratelimit-remaining-audio-seconds"] == "7188"
        assert headers["x-ratelimit-reset-audio-seconds"] == "6s"
        assert not [name for name in headers if name.endswith("-tokens")]
        assert groq_api.calls.last.usage.seconds == 12
        assert groq_api.calls.cost == Decimal("0.00037")

    def test_cost_ten_seconds_at_least(self, groq_api):
        hear(file=("a.wav", wav(Sound("Hi", 16_000, length=2))))

        assert groq_api.limits(WHISPER)["ASH"].used == 2
        assert groq_api.calls.cost == round(Decimal("0.111") / 360, 12)

    def test_run_into_the_seconds_of_an_hour(self, groq_api):
        groq_api.reply("…", usage={"seconds": 7000}, times=None)
        hear(url="https://example.org/talk.mp3")

        with pytest.raises(groq.RateLimitError) as refusal:
            hear(url="https://example.org/talk.mp3")

        error = refusal.value.body["error"]
        assert "on seconds of audio per hour (ASPH): Limit 7200, Used 7000, Requested 7000" in error["message"]
        assert error["type"] == "seconds"

    def test_of_groq_in_every_format(self, groq_api):
        groq_api.reply("Good morning. All here.", times=None)

        assert hear().text == "Good morning. All here."
        assert hear(response_format="text") == " Good morning. All here."
        assert groq_api.calls.last.reply.headers["content-type"] == "text/plain; charset=UTF-8"
        whole = hear(response_format="verbose_json", language="kk", timestamp_granularities=["word", "segment"])
        body = groq_api.calls.last.reply.json
        assert list(body) == ["task", "language", "duration", "text", "words", "segments", "x_groq"]
        assert (whole.language, whole.duration) == ("Kazakh", 12.0)
        assert [segment["text"] for segment in whole.segments] == [" Good morning.", " All here."]
        assert whole.words[-1] == {"word": "here.", "start": whole.words[-1]["start"], "end": 12.0}
        assert reply_contract("groq", "audio.transcriptions", groq_api.edition.date).check(200, body) == ()

    def test_of_an_openai_client_have_its_types(self, groq_api):
        client = openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1")
        whole = hear(client, response_format="verbose_json", timestamp_granularities=["word"])

        assert whole.segments[0].compression_ratio > 0
        assert whole.words[0].word == "This"

    async def test_of_an_asynchronous_client_translate(self, groq_api):
        groq_api.reply("Good morning.", when={"model": WHISPER})
        answer = await groq.AsyncGroq(api_key="k").audio.translations.create(
            model=WHISPER, file=("a.mp3", mp3(Sound("Guten Morgen", 24_000))), response_format="verbose_json"
        )

        assert answer.text == "Good morning."
        assert (answer.task, answer.language) == ("translate", "English")

    def test_can_be_scripted_whole(self, groq_api):
        groq_api.reply(body=" just so", when={"response_format": "text"})

        assert hear(response_format="text") == " just so"

    @pytest.mark.llm_allow("LLM201")
    def test_call_no_tools(self, groq_api):
        groq_api.reply(tool_calls=[{"name": "x"}])

        hear()

        assert [finding.code for finding in groq_api.calls.last.violations] == ["LLM201"]

    def test_of_an_address_that_is_the_sound_itself(self, groq_api):
        import base64

        hear(url="data:audio/wav;base64," + base64.b64encode(HELLO).decode())
        hear(url=base64.urlsafe_b64encode(HELLO).decode())

        assert [call.usage.seconds for call in groq_api.calls] == [12, 12]

    @pytest.mark.llm_allow("LLM102", "LLM107")
    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"file": ("a.wav", b"")}, "file is empty"),
            ({"file": ("a.wav", b"RIFF")}, "could not process file"),
            ({"file": ("a.oga", HELLO)}, "file must be one of the following types"),
            ({"file": ("voice", HELLO)}, "file must be one of the following types"),
            ({"file": ("a.wav", HELLO[:50])}, "Minimum audio length is 0.01 seconds"),
            ({"url": "data:audio/wav;base64,AAAA"}, "could not process file"),
            ({"model": "openai/gpt-oss-120b"}, "does not support"),
            ({"response_format": "srt"}, "response_format"),
        ],
    )
    def test_are_refused(self, groq_api, fields, says):
        with pytest.raises(groq.BadRequestError) as refusal:
            hear(**fields)

        assert says in refusal.value.body["error"]["message"]
        assert [finding.code for finding in groq_api.calls.last.violations] == ["LLM102"]

    @pytest.mark.llm_allow("LLM102")
    @pytest.mark.parametrize(
        "body", [b"", b"--x", b"--x\r\n\r\n--x--", b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisp']
    )
    def test_of_a_broken_form_are_refused(self, groq_api, body):
        headers = {"authorization": "Bearer k", "content-type": "multipart/form-data; boundary=x"}
        url = "https://api.groq.com/openai/v1/audio/transcriptions"

        assert httpx.post(url, content=body, headers=headers).status_code == 400

    def test_of_together_tell_speakers_apart(self, together_api):
        together_api.reply("Hello. Hi! Who is it?")
        answer = hear_together(response_format="verbose_json", diarize=True)

        assert answer.language == "en"
        assert [part.speaker_id for part in answer.speaker_segments] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
        assert answer.words[1].speaker_id == "SPEAKER_01"
        body = together_api.calls.last.reply.json
        assert reply_contract("together", "audio.transcriptions", together_api.edition.date).check(200, body) == ()

    def test_of_together_cost_by_the_minute(self, together_api):
        together_api.reply("Long.", usage={"seconds": 600})
        hear_together()

        assert together_api.calls.cost == Decimal("0.015")

    def test_of_together_need_no_model(self, together_api):
        client = together.Together(api_key="k")

        assert "whisper" in client.audio.transcriptions.create(file=("a.wav", HELLO)).text
        assert together_api.calls.last.model == "openai/whisper-large-v3"

    @pytest.mark.llm_allow("LLM102", "LLM107")
    @pytest.mark.parametrize(
        ("fields", "seconds", "code"),
        [
            ({"file": ("a.txt", HELLO)}, None, "unsupported_format"),
            ({"file": b"no sound"}, None, "unsupported_format"),
            ({}, 14_401, "audio_too_long"),
        ],
    )
    def test_of_together_are_refused(self, together_api, fields, seconds, code):
        if seconds:
            together_api.reply("…", usage={"seconds": seconds})
        with pytest.raises(together.BadRequestError) as refusal:
            hear_together(**fields)

        assert refusal.value.body["error"]["code"] == code

    @pytest.mark.llm_allow("LLM102")
    def test_of_a_model_with_a_websocket_alone(self, together_api):
        with pytest.raises(together.BadRequestError):
            hear_together(model="nvidia/nemotron-3-asr-streaming-0.6b")


def test_voices_of_every_model_and_of_one(together_api):
    client = together.Together(api_key="k")

    assert "tara" in {voice.name for each in client.audio.voices.list().data for voice in each.voices}
    one = client.audio.voices.list(extra_query={"model": KOKORO}).data
    assert [each.model for each in one] == [KOKORO]
    body = together_api.calls.last.reply.json
    assert reply_contract("together", "voices.list", together_api.edition.date).check(200, body) == ()


@pytest.mark.parametrize("seconds", [-1, "3", True, float("nan"), 10**7])
def test_seconds_that_are_none(groq_api, seconds):
    with pytest.raises(ValueError, match="seconds"):
        groq_api.reply("x", usage={"seconds": seconds})
