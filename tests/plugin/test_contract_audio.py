"""Sound in contracts: bytes that are no text, in the request and in the reply, recorded and replayed."""

from __future__ import annotations

TEST = """
import groq
import pytest

from pytest_llmcontract.core.sound.made import Sound, wav

SENT = wav(Sound("Hello", 16_000, length=3))


@pytest.mark.llm_contract
def test_sound(groq_api):
    client = groq.Groq(api_key="k", max_retries=0)
    spoken = client.audio.speech.create(model="canopylabs/orpheus-v1-english", voice="troy", input="Good morning")
    assert spoken.read() == wav(Sound("Good morning", 48_000))
    heard = client.audio.transcriptions.create(
        model="whisper-large-v3", file=("a.wav", SENT), response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert heard.duration == 3
    text = client.audio.transcriptions.create(model="whisper-large-v3", file=("a.wav", SENT), response_format="text")
    assert text.startswith(" This")
    assert [call.usage.seconds for call in groq_api.calls] == [0, 3, 3]
    assert groq_api.calls.cost == groq_api.calls[0].cost + 2 * groq_api.calls[1].cost > 0
    assert groq_api.limits("whisper-large-v3")["ASH"].used == 6
    assert groq_api.limits("canopylabs/orpheus-v1-english")["TPM"].used == 12
    assert {call.recorded for call in groq_api.calls} == {REPLAYED}
"""


def test_sound_is_recorded_and_replayed_to_the_byte(pytester, run_pytest):
    pytester.makepyfile(test_sound=TEST.replace("REPLAYED", "False"))
    recorded = run_pytest("-q", "--llmcontract-record=once", "--llmcontract-source=simulator")
    recorded.assert_outcomes(passed=1)

    pytester.makepyfile(test_sound=TEST.replace("REPLAYED", "True"))
    run_pytest("-q", "--llmcontract-record=none").assert_outcomes(passed=1)


def test_other_sound_is_another_request(pytester, run_pytest):
    pytester.makepyfile(test_sound=TEST.replace("REPLAYED", "False"))
    run_pytest("-q", "--llmcontract-record=once", "--llmcontract-source=simulator")

    pytester.makepyfile(test_sound=TEST.replace("REPLAYED", "True").replace("length=3)", "length=4)"))
    result = run_pytest("-q", "--llmcontract-record=none")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LLM206*file.bytes*"])
