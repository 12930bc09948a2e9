"""Sound that breaks off: files and streams of it, by each client where it sends and by a server.

Streams of text that break off are held to a real connection in tests/serving/test_fault_table.py; here a client has to
meet the same, whatever is in the bytes.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import groq
import httpx
import httpx2
import openai
import pytest
import together
from fault_table import PATIENCE, WITHIN, asked

from pytest_llmcontract import simulate

BASES = {"groq": "/openai/v1", "together": "/v1"}
HOSTS = {"groq": f"https://api.groq.com{BASES['groq']}", "together": f"https://api.together.xyz{BASES['together']}"}
CHAT = asked("")
SPEECH = {
    "groq": {"model": "canopylabs/orpheus-v1-english", "voice": "troy", "input": "Good morning"},
    "together": {"model": "hexgrad/Kokoro-82M", "voice": "af_heart", "input": "Good morning", "response_format": "raw"},
}
CLIENTS = ["httpx", "httpx-asyncio", "requests", "urllib3", "http.client", "aiohttp"]


def heard(client, url, body):
    """What arrived, without ids, and the name of what was raised."""
    seen = WITHIN[client](url, body, PATIENCE)
    return _ID.sub(b"", seen.body), "".join(seen.errors)


_ID = re.compile(rb'"id":"[^"]*"')
CUTS = {"disconnect": "disconnect", "truncate": "disconnect", "stall": "stall"}


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("provider", HOSTS)
def test_a_file_of_sound_breaks_off_as_a_stream_of_text_does(provider, client, how):
    with simulate(provider, check=False) as api:
        whole, _ = heard(client, f"{HOSTS[provider]}/audio/speech", SPEECH[provider])
        api.cut_stream(at_byte=1001, how=how)
        got, raised = heard(client, f"{HOSTS[provider]}/audio/speech", SPEECH[provider])
        api.cut_stream(at_byte=101, how=CUTS[how])
        told = heard(client, f"{HOSTS[provider]}/chat/completions", CHAT)

    assert (got, raised) == (whole[:1001], told[1])
    assert raised


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp"])
@pytest.mark.parametrize("how", ["disconnect", "stall"])
@pytest.mark.parametrize("provider", HOSTS)
def test_a_server_breaks_a_file_off_alike(by_server, provider, client, how):
    with simulate(provider, check=False) as api:
        api.cut_stream(at_byte=1001, how=how)
        here = heard(client, f"{HOSTS[provider]}/audio/speech", SPEECH[provider])

    assert by_server[provider, client, how].result() == here


# Streams of sound.

STREAM = {**SPEECH["together"], "input": "Good morning " * 4, "stream": True}
STEPS = {
    "cut": ("cut_stream", {"after": 1}),
    "cut within an event": ("cut_stream", {"at_byte": 1001}),
    "truncated": ("cut_stream", {"after": 1, "how": "truncate"}),
    "stalled": ("cut_stream", {"after": 1, "how": "stall"}),
    "an error": ("cut_stream", {"after": 1, "how": "error_event"}),
    "an error by name": ("fail", {"error": "stream_error"}),
    "an error in words": ("cut_stream", {"at_byte": 9, "how": "error_event", "body": {"error": {"message": "no"}}}),
    "reset": ("fail", {"error": "connection_reset"}),
    "no reply": ("fail", {"error": "read_timeout"}),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_stream_of_sound_fails_by_a_server_as_where_it_is_sent(by_server, name):
    method, given = STEPS[name]
    with simulate("together", check=False) as api:
        getattr(api, method)(**given)
        here = heard("httpx", f"{HOSTS['together']}/audio/speech", STREAM)
        (call,) = api.calls
        assert call.reply is None or call.reply.scripted

    assert by_server[name].result() == here


BY_SERVER = {name: ("together", "httpx", STREAM, *step) for name, step in STEPS.items()} | {
    (provider, client, how): (provider, client, SPEECH[provider], "cut_stream", {"at_byte": 1001, "how": how})
    for provider in HOSTS
    for client in ("httpx", "requests", "aiohttp")
    for how in ("disconnect", "stall")
}
"""What is asked of a server: of whom, by which client, with which body, after which script."""


@pytest.fixture(scope="module")
def by_server(serve):
    """What clients hear of a server.

    All ask at once, so that those wait together that wait until their patience ends, and before a simulation begins.
    """

    def ask(scope, provider, client, body, method, given):
        server.script(f"/{method}", {"provider": provider, **given}, test=scope)
        return heard(client, f"{server.url}/t/{scope}{BASES[provider]}/audio/speech", body)

    with serve() as server, ThreadPoolExecutor(len(BY_SERVER)) as pool:
        return {one: pool.submit(ask, f"test-{number}", *BY_SERVER[one]) for number, one in enumerate(BY_SERVER)}


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("cut", httpx.RemoteProtocolError),
        ("stalled", httpx.ReadTimeout),
        ("an error", together.APIError),
        ("an error by name", together.APIError),
        ("reset", together.APIConnectionError),
        ("no reply", together.APITimeoutError),
    ],
)
def test_an_sdk_hears_sound_until_its_stream_fails(llm_clock, name, raised):
    method, given = STEPS[name]
    heard = []
    with simulate("together", check=False) as api:
        getattr(api, method)(**given)
        with pytest.raises(raised):
            heard.extend(
                chunk.b64 for chunk in together.Together(api_key="k", max_retries=0).audio.speech.create(**STREAM)
            )

    assert all(heard)


def test_an_error_within_sound_says_what_a_failure_says(together_api):
    together_api.fail("stream_error")

    with pytest.raises(together.APIError, match="Internal server error"):
        list(together.Together(api_key="k", max_retries=0).audio.speech.create(**STREAM))


# SDKs that read files.


@pytest.mark.parametrize("made", [groq.Groq, lambda **given: openai.OpenAI(base_url=HOSTS["groq"], **given)])
def test_an_sdk_writes_what_arrives_of_a_file_and_raises(groq_api, tmp_path, made):
    groq_api.cut_stream(at_byte=5000)
    client = made(api_key="k", max_retries=0)

    with (
        pytest.raises((httpx.RemoteProtocolError, httpx2.RemoteProtocolError)),
        client.audio.speech.with_streaming_response.create(**SPEECH["groq"]) as answer,
    ):
        answer.stream_to_file(tmp_path / "a.wav", chunk_size=1000)

    assert (tmp_path / "a.wav").stat().st_size == 5000


def test_an_sdk_that_wants_all_of_a_file_asks_again(groq_api, llm_clock):
    groq_api.cut_stream(at_byte=5000)
    answer = groq.Groq(api_key="k").audio.speech.create(**SPEECH["groq"])

    assert len(answer.read()) > 5000
    assert groq_api.calls.statuses == [200, 200]


@pytest.mark.groq_api(plan="developer")
def test_what_is_in_a_file_breaks_off_too(groq_api):
    client = groq.Groq(api_key="k", max_retries=0)
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {**CHAT, "stream": False}}
    file = client.files.create(file=("b.jsonl", json.dumps(line).encode()), purpose="batch")
    groq_api.cut_stream(at_byte=7)

    with pytest.raises(groq.APIConnectionError):
        client.files.content(file.id)


def test_a_picture_breaks_off_too(together_api):
    client = together.Together(api_key="k")
    picture = client.images.generate(model="black-forest-labs/FLUX.1-kontext-pro", prompt="a")
    together_api.cut_stream(at_byte=7)

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(picture.data[0].url)


def test_a_cut_that_has_nothing_to_end_says_what_it_is_for():
    with simulate("groq", check=False) as api:
        api.cut_stream(after=1)
        api.cut_stream(at_byte=1, how="error_event")
        groq.Groq(api_key="k").audio.speech.create(**SPEECH["groq"])
        told = [found.fix for found in api.unused_scripts()]

    assert ["a file such as speech is cut by at_byte=, without an error event" in fix for fix in told] == [True, True]


def test_a_cut_at_a_byte_waits_past_replies_in_json_and_says_so():
    with simulate("groq", check=False) as api:
        api.cut_stream(at_byte=1)
        groq.Groq(api_key="k").chat.completions.create(**{**CHAT, "stream": False})
        (found,) = api.unused_scripts()

    assert "it ends a stream, or a file such as speech; a reply in JSON comes whole" in found.fix


def test_a_file_that_was_cut_is_recorded_whole_and_cut_again(tmp_path):
    def spoken():
        return groq.Groq(api_key="k", max_retries=0).audio.speech.create(**SPEECH["groq"]).read()

    contract = {"path": tmp_path / "c.llm.yaml", "record": "once"}
    for _ in range(2):  # recorded, then replayed
        with simulate("groq", contract=contract) as api:
            api.cut_stream(at_byte=5000)
            with pytest.raises(groq.APIConnectionError):
                spoken()
    with simulate("groq", contract=contract) as api:
        assert len(spoken()) > 5000
        assert api.calls.last.recorded


def test_faults_of_sound_come_together_and_take_a_when():
    speech, diana = f"{HOSTS['groq']}/audio/speech", {**SPEECH["groq"], "voice": "diana"}
    with simulate("groq", check=False) as api:
        api.fail(503, when={"voice": "diana"})
        api.cut_stream(after=1)  # waits for a stream of text
        api.cut_stream(at_byte=9, when={"voice": "diana"})
        api.latency(first_token=0.5)
        whole = heard("httpx", speech, SPEECH["groq"])
        refused = heard("httpx", speech, diana)
        cut = heard("httpx", speech, diana)
        told = heard("httpx", f"{HOSTS['groq']}/chat/completions", CHAT)
        assert api.calls.statuses == [200, 503, 200, 200]
        assert api.clock.elapsed == 2
        assert not api.unused_scripts()

    assert (whole[1], refused[1]) == ("", "")
    assert cut == (whole[0][:9], "RemoteProtocolError")
    assert (told[0].count(b"data: "), told[1]) == (1, "RemoteProtocolError")
