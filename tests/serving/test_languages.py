"""The HTTP clients that other languages come with, against ``llmcontract serve``: no SDK is between them and the wire.

Each program of ``languages/`` posts files to an address and prints a line a reply. Node has its own file too, for what
its packages do (``test_typescript.py``).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent / "languages"
PROGRAMS = {
    "curl": ["sh", "client.sh"],
    "elixir": ["elixir", "client.exs"],
    "go": ["go", "run", "client.go"],
    "java": ["java", "Client.java"],
    "node": ["node", "client.mjs"],
    "perl": ["perl", "client.pl"],
    "php": ["php", "client.php"],
    "ruby": ["ruby", "client.rb"],
}
"""How each program is run."""
NEEDS = {
    "curl": ["curl", "-so/dev/null", "-w%header{x}", "file:///dev/null"],
    "elixir": ["elixir", "-e", ":ok = :inets.start()"],
    "go": ["go", "version"],
    "java": ["javac", "--version"],
    "node": ["node", "-e", "fetch"],
    "perl": ["perl", "-MLWP::UserAgent", "-e1"],
    "php": ["php", "-r", "exit(function_exists('curl_init') ? 0 : 1);"],
    "ruby": ["ruby", "-rnet/http", "-e1"],
}
"""What ends well where a language has all that its program uses."""
MAY_LOSE = {"elixir", "java", "node"}
"""They may keep back what came before a stream broke: Elixir all of it, the others what nobody had read by then."""
RESENDS = {"elixir"}
"""They send again what met a reset on a connection that had served before."""
CHATS = {
    "groq": ("/groq/openai/v1", "openai/gpt-oss-120b", "rate_limit_exceeded"),
    "together": ("/together/v1", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "rate_limit"),
}
"""Where a provider is, a model of it, and what it calls the limit that is met."""
LONG = "Tell me more. " * 1000
"""A prompt of 14 kB: over what goes in one piece, or without curl's ``expect: 100-continue``."""


class Line(NamedTuple):
    """What a program says of a reply."""

    status: str
    retry_after: str
    ended: str
    body: bytes

    @property
    def content(self):
        return json.loads(self.body)["choices"][0]["message"]["content"]

    @property
    def streamed(self):
        """The text of a stream, as far as it came."""
        events = [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ") and line != b"data: [DONE]"]
        choices = [choice for event in events for choice in json.loads(event).get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


def lines(printed):
    for line in printed.splitlines():
        status, wait, ended, body = [*line.split(" "), ""][:4]
        yield Line(status, wait or "-", ended, base64.b64decode("" if body == "-" else body))


@cache
def has(language):
    needs = NEEDS[language]
    return shutil.which(needs[0]) is not None and subprocess.run(needs, capture_output=True).returncode == 0


@pytest.fixture(params=PROGRAMS)
def post(request, tmp_path):
    """Post bodies to an address, one after another, in that language: a line each."""
    language = request.param
    if not has(language):
        pytest.skip(f"{language} is not installed, or not all of it")

    def post(address, *bodies):
        files = [tmp_path / f"{number}.json" for number in range(len(bodies))]
        for file, body in zip(files, bodies, strict=True):
            file.write_text(json.dumps(body))
        command = [*PROGRAMS[language], address, *map(str, files)]
        environ = {"HOME": str(Path.home()), **os.environ}  # Go keeps there what it compiled
        done = subprocess.run(command, cwd=HERE, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return list(lines(done.stdout))

    post.language = language
    return post


@pytest.mark.parametrize("provider", CHATS)
def test_each_language_hears_what_the_provider_says(server, post, provider):
    test = f"{post.language}-{provider}"
    path, model, limit = CHATS[provider]

    def asked(text="Hello", **more):
        return {"model": model, "messages": [{"role": "user", "content": text}], **more}

    server.script("/reply", {"provider": provider, "content": "Grüße, 世界."}, test=test)
    server.script("/reply", {"provider": provider, "content": ["One, ", "two, ", "drei."]}, test=test)
    server.script("/fail", {"provider": provider, "error": limit, "retry_after": 7}, test=test)
    server.script("/reply", {"provider": provider, "content": "Enough."}, test=test)

    chat, stream, refused, long = post(
        f"{server.url}/t/{test}{path}/chat/completions",
        asked(),
        asked(stream=True),
        asked("Again"),
        asked(LONG),
    )

    assert (chat.status, chat.content) == ("200", "Grüße, 世界.")
    assert (stream.status, stream.ended, stream.streamed) == ("200", "ended", "One, two, drei.")
    assert (refused.status, refused.retry_after) == ("429", "7")
    assert json.loads(refused.body)["error"]["message"]
    assert (long.status, long.content) == ("200", "Enough.")
    calls = server.control("/calls", test=test)
    assert [call["status"] for call in calls] == [200, 200, 429, 200]
    assert calls[-1]["request"]["messages"][0]["content"] == LONG


def test_each_language_meets_what_breaks(server, post):
    test = f"{post.language}-broken"
    path, model, _ = CHATS["groq"]
    chat = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    server.script("/reply", {"provider": "groq", "content": ["One, ", "two, ", "three."]}, test=test)
    server.script("/cut_stream", {"provider": "groq", "after": 2, "when": {"stream": True}}, test=test)
    server.script("/fail", {"provider": "groq", "error": "connection_reset", "when": {"user": "a"}}, test=test)
    server.script("/reply", {"provider": "groq", "content": "All is well.", "when": {"user": "b"}}, test=test)

    cut, reset, well = post(
        f"{server.url}/t/{test}{path}/chat/completions",
        {**chat, "stream": True},
        {**chat, "user": "a"},
        {**chat, "user": "b"},
    )

    assert cut.ended == "cut"
    if post.language not in MAY_LOSE:
        assert cut.streamed == "One, "
    if post.language not in RESENDS:
        assert (reset.status, reset.ended) in {("-", "cut"), ("000", "cut")}
    assert (well.status, well.content) == ("200", "All is well.")
