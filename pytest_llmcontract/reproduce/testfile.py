"""Writes a scenario as a test: what a person would have written, formatted as ruff would."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.core.facts.registry import key_names, title_of
from pytest_llmcontract.core.words import visible
from pytest_llmcontract.reproduce.clients import BY_HTTP, Client, client_named, sdk_of
from pytest_llmcontract.reproduce.connections import Connection
from pytest_llmcontract.reproduce.requests import WORD
from pytest_llmcontract.reproduce.scenario import Fault, Played, Scenario, play, url_of
from pytest_llmcontract.reproduce.solve import Reproduction

WIDTH = 88

SOUND = '''

def sound(seconds: int) -> bytes:
    """A file of silence, one byte a second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(1)
        wav.setframerate(1)
        wav.writeframes(bytes(seconds))
    return file.getvalue()
'''


def as_test(found: Reproduction | Connection) -> str:
    """The whole file."""
    return (_ConnectionFile(found) if isinstance(found, Connection) else _ReplyFile(found)).text()


class _TestFile:
    """What all tests have: a call, a state, and what a client meets."""

    def __init__(self, scenario: Scenario, text: str, notes: tuple[str, ...]) -> None:
        self.scenario = scenario
        self.provider = scenario.provider
        self.notes = notes
        self.model = scenario.request.body.get("model", "")
        self.client: Client = client_named(text, scenario)

    # The parts.

    def _imports(self) -> str:
        sound = bool(self.scenario.request.audio_seconds)
        reads_key = self.scenario.request.key and self.client.reads_key
        standard = ["io"] * sound + ["os"] * reads_key + ["wave"] * sound
        known = "".join(f"import {name}\n" for name in standard)
        others = sorted({self.client.module, "pytest"})
        return f"{known}{chr(10) * bool(known)}" + "".join(f"import {name}\n" for name in others)

    def _docstring(self, first: str, more: list[str]) -> str:
        written = (
            "Written by `llmcontract reproduce`. The provider is simulated: no key is needed, no call leaves. "
            "Put your application's own call in place of `call()`."
        )
        paragraphs = "\n\n".join(textwrap.fill(_docstring(text), WIDTH) for text in [written, *self.notes, *more])
        return f'"""{first}\n\n{paragraphs}\n"""\n\n{self._imports()}'

    def _call(self) -> str:
        if self.client is not BY_HTTP:
            return self._sdk_call()
        request = self.scenario.request
        arguments = [literal(url_of(self.scenario))]
        if request.method != "POST":
            arguments.insert(0, literal(request.method))
        if request.key:
            key = key_names(self.provider)[0]
            arguments.append(f'headers={{"Authorization": f"Bearer {{os.environ[\'{key}\']}}"}}')
        if request.audio_seconds:
            sound = f'{{"file": ("audio.wav", sound({request.audio_seconds}))}}'
            arguments += [f"data={self._code(request.body, 8, 5)}", f"files={sound}"]
        elif request.method == "POST":
            arguments.append(f"json={self._code(request.body, 8, 6)}")
        verb = "post" if request.method == "POST" else "request"
        listed = "".join(f"        {argument},\n" for argument in arguments)
        return (
            "\n\ndef call() -> httpx.Response:\n"
            f'    """Replace this by your application\'s own call, by {self._usual_client()} or otherwise."""\n'
            f"{self._request_note()}    return httpx.{verb}(\n{listed}    )\n"
        )

    def _usual_client(self) -> str:
        return sdk_of(self.provider) or "its SDK"

    def _request_note(self) -> str:
        comment = self.scenario.comments.get("request")
        return f"    # {visible(comment)}\n" if comment else ""

    def _sdk_call(self) -> str:
        arguments = "".join(f"        {line},\n" for line in self._sdk_arguments())
        made = self.client.made(self.scenario)
        return (
            '\n\ndef call():\n    """Replace this by your application\'s own call."""\n'
            f"    client = {made}\n{self._request_note()}"
            f"    return client.chat.completions.create(\n{arguments}    )\n"
        )

    def _sdk_arguments(self) -> list[str]:
        known, extra = self.client.divided(self.scenario.request.body)
        lines = [f"{name}={self._code(value, 8, len(name) + 1)}" for name, value in known.items()]
        return lines + [f"extra_body={self._code(extra, 8, 11)}"] * bool(extra)

    def _markers(self, fixture: str, allowed: list[str]) -> str:
        settings = {name: value for name, value in self.scenario.settings.items() if value not in ({}, None)}
        settings["edition"] = str(self.scenario.day)
        told = self.scenario.comments
        comments = [visible(told[name]) for name in ("plan", "limits", "models") if name in told]
        arguments = [f"{name}={self._code(_listed(name, value), 4, len(name) + 2)}" for name, value in settings.items()]
        line = f"@pytest.mark.{fixture}({', '.join(arguments)})\n"
        if len(line) > WIDTH + 1 or "\n" in line[:-1]:
            line = f"@pytest.mark.{fixture}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")\n"
        codes = ", ".join(literal(code) for code in allowed)
        allow = f"@pytest.mark.llm_allow({codes})\n" if allowed else ""
        return "".join(f"# {comment}\n" for comment in comments) + line + allow

    def _code(self, value: Any, indent: int, before: int) -> str:
        """*value* as code; *before* columns of its first line are taken."""
        return code(value, indent, before, {self.model: "MODEL"} if self.model else {})


class _ConnectionFile(_TestFile):
    """A call that meets no reply."""

    def __init__(self, found: Connection) -> None:
        super().__init__(found.scenario, found.text, found.notes)
        self.exception = self.client.broken or f"httpx.{found.exception}"

    def text(self) -> str:
        error, fixture = self.scenario.error, f"{self.provider}_api"
        return (
            self._docstring(f"No reply of {title_of(self.provider)}: {error}.", [])
            + f"\nMODEL = {literal(self.model)}\n"
            + self._call()
            + f"\n\n{self._markers(fixture, [])}def test_{self.provider}_{error}({fixture}):\n"
            + f"    {fixture}.fail({literal(error)})\n\n"
            + f"    with pytest.raises({self.exception}):\n        call()\n"
        )


class _ReplyFile(_TestFile):
    """A call that meets a reply."""

    def __init__(self, found: Reproduction) -> None:
        self.found = found
        self.played = within_reach(found.played)
        super().__init__(self.played.scenario, found.paste.text, found.notes)
        if self.played.reply.status < 400:
            self.client = BY_HTTP

    def text(self) -> str:
        parts = [self._head(), *self._constants(), *self._helpers(), self._call(), self._test()]
        return "".join(parts)

    # The parts.

    def _head(self) -> str:
        error = self.played.reply.error or self.scenario.error
        first = f"{title_of(self.provider)} answers {self.played.reply.status}: {error}."
        return self._docstring(first, self._out_of_reach())

    def _out_of_reach(self) -> list[str]:
        if self.played is self.found.played or not self.found.played.scenario.natural:
            return []
        if self.scenario.fault is None:
            return ["The provider goes on after this text; what it adds was not pasted."]
        return ["No edition says exactly this, so that it is given word for word."]

    def _constants(self) -> list[str]:
        model = f"\nMODEL = {literal(self.model)}" if self.model else ""
        return [f"{model}\n{_assigned('MESSAGE', self._expected)}\n"]

    def _helpers(self) -> list[str]:
        return [SOUND] if self.scenario.request.audio_seconds else []

    def _test(self) -> str:
        fixture = f"{self.provider}_api"
        lines = self._state(fixture)
        state = "".join(lines) + "\n" if lines else ""
        error = self.scenario.error if not self.played.reply.error else self.played.reply.error
        return (
            f"\n\n{self._markers(fixture, self.played.allowed)}def test_{self.provider}_{error}({fixture}):\n"
            f"{state}{self._met()}"
            f"    assert response.status_code == {self.played.reply.status}\n"
            f"    assert {self._assertion()}\n{self._waits()}"
        )

    def _met(self) -> str:
        """The call, and the reply as the client shows it."""
        if self.client is BY_HTTP:
            return "    response = call()\n\n"
        return (
            f"    with pytest.raises({self.client.module}.APIStatusError) as caught:\n        call()\n\n"
            "    response = caught.value.response\n"
        )

    def _state(self, fixture: str) -> list[str]:
        scenario = self.scenario
        lines = []
        if scenario.organization:
            lines.append(f"    {fixture}.account.organization = {literal(scenario.organization)}\n")
        for method, arguments in scenario.account:
            lines.append(f"    {fixture}.account.{method}({', '.join(literal(value) for value in arguments)})\n")
        for level in scenario.levels:
            model = self._code(level.model, 4, 0)
            note = f"    # {visible(level.why)}\n" if level.why else ""
            if level.used is None:
                lines.append(f"{note}    {fixture}.exhaust({literal(level.kind)}, model={model})\n")
            else:
                lines.append(f"{note}    {fixture}.use({literal(level.kind)}, {level.used!r}, model={model})\n")
        if scenario.fault is not None:
            lines.append(self._fail(fixture, scenario.fault))
        return lines

    def _fail(self, fixture: str, fault: Fault) -> str:
        arguments = [literal(fault.error)]
        if fault.message is not None:
            same = fault.message == self._expected
            arguments.append("message=MESSAGE" if same else f"message={literal(fault.message)}")
        if fault.limit is not None:
            arguments.append(f"limit={literal(fault.limit)}")
        if fault.retry_after is not None:
            arguments.append(f"retry_after={fault.retry_after:g}")
        if fault.body is not None:
            arguments.append(f"body={self._code(fault.body, 8, 6)}")
        if fault.values:
            arguments.append(f"values={self._code(fault.values, 8, 8)}")
        line = f"    {fixture}.fail({', '.join(arguments)})\n"
        if len(line) > WIDTH + 1 or "\n" in line[:-1]:
            line = f"    {fixture}.fail(\n" + "".join(f"        {argument},\n" for argument in arguments) + "    )\n"
        return line

    def _waits(self) -> str:
        wait = self.played.reply.headers.get("retry-after")
        return "" if wait is None else f'    assert response.headers["retry-after"] == {literal(wait)}\n'

    # The assertion.

    @property
    def _expected(self) -> str:
        """The text as the reply has it; of a stream or page, a part of it."""
        reply, message = self.played.reply, self.found.played.message
        if reply.events is not None:
            return json.dumps(message, ensure_ascii=False)[1:-1]
        return message

    def _assertion(self) -> str:
        body = self.played.reply.json if self.played.reply.events is None else None
        if not isinstance(body, dict) or not isinstance(body.get("error"), dict):
            return "MESSAGE in response.text"
        inner = '["message"]' if isinstance(self.played.error.get("message"), dict) else ""
        text = f'response.json()["error"]["message"]{inner}'
        return f"{text} == MESSAGE" if self.played.message == self._expected else f"{text}.startswith(MESSAGE)"


def within_reach(played: Played) -> Played:
    """The same by what a test can say: by the rules but for a last sentence, or else word for word."""
    scenario = played.scenario
    if scenario.in_reach:
        return played
    shorter = replace(scenario, dialect={name: value for name, value in scenario.dialect.items() if name != "upsell"})
    if shorter.in_reach and (longer := play(shorter)).message.startswith(played.message):
        return longer
    editions = edition_dates(scenario.provider)
    day = next((date for date in reversed(editions) if date <= scenario.day), editions[0])
    fault = scenario.fault or Fault(played.reply.error or scenario.error)
    limit = scenario.levels[0].kind if scenario.levels and scenario.fault is None else fault.limit
    wait = played.reply.retry_after if limit else fault.retry_after
    bare = replace(
        scenario,
        day=day,
        dialect={},
        levels=(),
        organization="",
        settings={name: value for name, value in scenario.settings.items() if name != "limits"},
        comments={name: text for name, text in scenario.comments.items() if name != "limits"},
    )
    return play(bare.with_fault(replace(fault, message=played.message, limit=limit, retry_after=wait)))


# Code.


def literal(value: Any) -> str:
    """A value as ruff would leave it."""
    if isinstance(value, str):
        words = len(value) // len(WORD)
        if words > 20 and value.startswith(WORD * 20):
            while not value.startswith(WORD * words):
                words -= 1
            rest = value[words * len(WORD) :]
            return f'"{WORD}" * {words}' + (f" + {quoted(rest)}" if rest else "")
        return quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(name)}: {literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, frozenset | set):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(inner) for inner in value) + "]"
    return repr(value)


def quoted(text: str) -> str:
    """A string, in double quotes unless that needs more escapes."""
    shown = repr(text)
    inner = shown[1:-1].replace("\\'", "'") if shown[0] == "'" else shown[1:-1]
    if inner.count('"') > inner.count("'"):
        return "'" + inner.replace("'", "\\'") + "'"
    return '"' + inner.replace('"', '\\"') + '"'


def code(value: Any, indent: int, before: int, names: Mapping[str, str]) -> str:
    """*value* on one line if it fits, else an item a line, as ruff breaks it."""
    if isinstance(value, str) and value in names:
        return names[value]
    line = _line(value, names)
    if indent + before + len(line) + 1 <= WIDTH or not isinstance(value, Mapping | list | tuple) or not value:
        return line
    inner = indent + 4
    if isinstance(value, Mapping):
        keys = [f"{code(name, inner, 0, names)}: " for name in value]
        rows = [key + code(item, inner, len(key), names) for key, item in zip(keys, value.values(), strict=True)]
        opening, closing = "{", "}"
    else:
        rows = [code(item, inner, 0, names) for item in value]
        opening, closing = "[", "]"
    listed = "".join(f"{' ' * inner}{row},\n" for row in rows)
    return f"{opening}\n{listed}{' ' * indent}{closing}"


def _line(value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return names.get(value) or literal(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_line(name, names)}: {_line(item, names)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_line(item, names) for item in value) + "]"
    return literal(value)


def _listed(name: str, value: Any) -> Any:
    """``models=`` as a list where no field is given."""
    return list(value) if name == "models" and not any(value.values()) else value


def _assigned(name: str, text: str) -> str:
    line = f"{name} = {quoted(text)}"
    if len(line) <= WIDTH:
        return line
    pieces = _pieces(text, WIDTH - 8)
    if len(pieces) == 1:
        return line
    return f"{name} = (\n" + "".join(f"    {quoted(piece)}\n" for piece in pieces) + ")"


def _pieces(text: str, width: int) -> list[str]:
    """*text* cut after spaces, so that each piece fits as code."""
    pieces = [""]
    for word in text.split(" "):
        if pieces[-1] and len(quoted(pieces[-1] + word)) > width:
            pieces.append("")
        pieces[-1] += word + " "
    pieces[-1] = pieces[-1][:-1]
    return [piece for piece in pieces if piece]


def _docstring(text: str) -> str:
    return " ".join(visible(text).replace("\\", "\\\\").replace('"""', "'''").split())
