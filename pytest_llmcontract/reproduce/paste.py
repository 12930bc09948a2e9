"""What was pasted, read: the errors in it, their own words, status and headers, and whose they seem to be.

People paste what they have: a JSON body, an SDK's exception, a line of a log with that inside, an HTTP dump. Nothing
here knows an error; it finds where one stands, and takes off what wrappers, terminals and logs have put around it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from pytest_llmcontract.reproduce.loose import CutObject, CutText, objects, unescaped
from pytest_llmcontract.reproduce.signs import Owner, owner_of

NESTING = 6
"""How deep a body may sit in the strings of another: logs that are JSON themselves."""
NEAR = 240
"""Characters before a body in which its status may stand."""
MOST_ERRORS = 20
LONGEST_WORDS = 2_000
MOST_LINES = 400
"""Characters of an error's text that are looked for outside of bodies."""


@dataclass(frozen=True)
class Paste:
    """One pasted error."""

    text: str
    """All that was pasted, without what terminals and logs put before each line."""
    message: str | None = None
    """The error's text, where it is clear which it is."""
    type: str | None = None
    code: str | None = None
    status: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What else the error holds: ``param``, ``failed_generation`` …"""
    id: str | None = None
    """Together's, beside the error."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that tell of limits and requests."""
    owner: Owner = field(default_factory=Owner)
    body: Mapping[str, Any] | None = None
    """The body as the provider sent it, where all of it was pasted."""
    cut: bool = False
    """The text stops before its end."""
    guessed_status: bool = False
    """The status is only that of an exception's name."""
    in_body: bool = True
    taken_off: str = ""
    """What stood around the message in its own string."""

    @property
    def providers(self) -> frozenset[str]:
        """The simulated providers that it names."""
        return self.owner.providers

    @property
    def words(self) -> str:
        """Where to look for the error's text."""
        return self.text if self.message is None else self.message

    @cached_property
    def plain(self) -> str:
        """The same without what copying does to it."""
        return plain(self.words)

    @cached_property
    def whole(self) -> str:
        """The error's text, if there is nothing around it."""
        return self.text.strip() if self.message is None else self.message

    @cached_property
    def plain_whole(self) -> str:
        return plain(self.whole)

    @property
    def in_stream(self) -> bool:
        """Whether the error came within a stream that had begun well."""
        return self.status == 200 or "status_code" in self.fields or bool(_ERROR_EVENT.search(self.text))


_ERROR_EVENT = re.compile(r"^event: ?error\b|\"finish_reason\": ?\"error\"", re.M)


def read_paste(text: str) -> Paste:
    """The first error in *text*."""
    return read_pastes(text)[0]


def read_pastes(text: str) -> list[Paste]:
    """Every error in *text*, in the order in which they stand there; of one that is told twice, the first.

    Without any there is one paste that is the whole text.
    """
    shown = without_prefixes(text)
    found = list(_distinct(_in_bodies(shown)))
    if not found and "&quot;" in shown:
        found = list(_distinct(_in_bodies(html.unescape(shown))))
    return found or [_alone(shown)]


def unwrapped(line: str) -> str:
    """A line in which ``\\n`` stands for a new line, as the text it stands for."""
    return line.replace("\\n", "\n")


def plain(text: str) -> str:
    """*text* without what copying does to it: markup, quotes, escapes, line breaks."""
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = unquote(text)
    text = re.sub(r"\n[ \t]*>+", " ", text).translate(_TYPOGRAPHY)
    return " ".join(text.split())


def half_json(text: str) -> bool:
    """Whether *text* begins as JSON and does not end as such."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, strict=False)
    except RecursionError:
        return True
    except ValueError:
        return True
    return False


_TYPOGRAPHY = str.maketrans({"`": None, "*": None, "’": "'", "‘": "'", "“": '"', "”": '"', "\xa0": " "})
_HEADER = re.compile(
    r"\b(retry-after|x-ratelimit-[a-z-]{1,40}|x-request-id)[\"']?\s{0,3}[:=]\s{0,3}[\"']?([^\s\"',}]{1,80})", re.I
)


# What terminals and logs put before each line.

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)")
_PREFIXES = (
    re.compile(r"[\w.@/ -]{1,40} *\| ?"),
    re.compile(r"\[[^\]\n]{1,80}\]:? ?"),
    re.compile(r"[>│┃❱|] ?"),
    re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z| ?[+-]\d\d:?\d\d)? ?"),
    re.compile(r"[A-Z][a-z]{2} +\d+ [\d:]{8} \S+ [^\s:]+: "),
    re.compile(r"(?:stderr|stdout) [FP] "),
    re.compile(r"#\d+ \d+\.\d+ "),
    re.compile(r"E +(?=\S)"),
)


def without_prefixes(text: str) -> str:
    """*text* without colours, frames, and what stands before each of its lines."""
    text = _ESCAPES.sub("", text)
    for _ in range(3):
        lines = text.split("\n")
        full = [line for line in lines if line.strip()]
        prefix = next((p for p in _PREFIXES if len(full) > 1 and _leads(p, full)), None)
        if prefix is None:
            break
        text = "\n".join(_shortened(prefix, line) for line in lines)
    return text


def _leads(prefix: re.Pattern[str], lines: list[str]) -> bool:
    """Whether all lines begin so; what was pasted first may have lost it."""
    return all(prefix.match(line) for line in lines[1:]) and (len(lines) > 2 or bool(prefix.match(lines[0])))


def _shortened(prefix: re.Pattern[str], line: str) -> str:
    found = prefix.match(line)
    line = line[found.end() :] if found else line
    return line.rstrip("│┃ ") if line.endswith(("│", "┃")) else line


# The status.

_CODE = r"([1-5][0-9]{2})\b"
_STATUS = re.compile(
    rf"(?:Error code:|HTTP/[0-9.]{{1,3}}|(?:http[_ ]?)?status[ _-]?(?:code)?\W{{0,4}}(?:=|:|is|of)?|\bHTTP\b|\bcode[=:]"
    rf"|Client error '|Server error ')\s{{0,3}}[\"'(]?{_CODE}"
    rf"|\b{_CODE}(?= (?:Client|Server) Error\b)",
    re.I,
)
_BESIDE = re.compile(rf"(?:^|[\s(\[:=<-]){_CODE}[\])>]?(?: [A-Z][\w' -]{{2,40}})?[\])>]?(?:\s*[:,-]+)?\s*(?:b?['\"])?$")
_NAMED = (
    ("BadRequestError", 400),
    ("InvalidRequestError", 400),
    ("AuthenticationError", 401),
    ("PermissionDeniedError", 403),
    ("NotFoundError", 404),
    ("UnprocessableEntityError", 422),
    ("RateLimitError", 429),
    ("ServiceUnavailableError", 503),
    ("InternalServerError", 500),
    ("RateLimit", 429),
)
_TOLD = ("status", "statusCode", "status_code", "http_status", "httpStatus", "raw_status_code", "code")


def _status(before: str, text: str) -> int | None:
    """The status that stands before an error, or anywhere in the text."""
    near = before[-NEAR:]
    if beside := _BESIDE.search(near):
        return int(beside[1])
    told = [int(found[1] or found[2]) for found in _STATUS.finditer(near)] or [
        int(found[1] or found[2]) for found in _STATUS.finditer(text)
    ]
    failed = [status for status in told if status >= 400]
    return failed[-1 if near and _STATUS.search(near) else 0] if failed else (told[0] if told else None)


def _named_status(text: str) -> int | None:
    return next((status for name, status in _NAMED if name in text), None)


def _own_status(value: Mapping[str, Any]) -> int | None:
    """The status that an object tells of itself."""
    return next((status for name in _TOLD if (status := _int(value.get(name))) is not None), None)


def _int(value: Any) -> int | None:
    if isinstance(value, str) and value.isdigit() and len(value) == 3:
        value = int(value)
    known = isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599
    return value if known else None


def _word(value: Any) -> str | None:
    return None if value is None else str(_clean(str(value)))


def _clean(value: Any) -> Any:
    """*value* without halves of characters, which no reply can hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


# Errors in bodies.


@dataclass(frozen=True)
class _Found:
    """An error object, and what stands around it."""

    error: Mapping[str, Any]
    around: Mapping[str, Any]
    status: int | None
    cut: bool = False


def _in_bodies(text: str) -> Iterator[Paste]:
    last = 0
    for value, start, end in objects(text):
        for found in _errors_of(value, None, 0):
            before = text[last:start]
            yield _paste_of(found, text, before, text[end : end + 2 * NEAR], text[start:end])
        last = end if end > start + 1 else last


def _distinct(pastes: Iterable[Paste]) -> Iterator[Paste]:
    """Each error once, in the words that say the most of it."""
    kept: list[Paste] = []
    for paste in pastes:
        twin = next((i for i, known in enumerate(kept) if _same(known, paste)), None)
        if twin is None:
            kept.append(paste)
        else:
            kept[twin] = _fuller(kept[twin], paste)
    return iter(kept[:MOST_ERRORS])


def _same(one: Paste, two: Paste) -> bool:
    texts = sorted((one.plain, two.plain), key=len)
    return texts[0] == texts[1] or (len(texts[0]) > 24 and texts[0] in texts[1])


def _fuller(one: Paste, two: Paste) -> Paste:
    first, second = (
        (two, one) if (two.body is not None, not two.cut) > (one.body is not None, not one.cut) else (one, two)
    )
    status = second.status if first.status is None or (first.guessed_status and second.status) else first.status
    owner = first.owner if first.providers or first.owner.other else second.owner
    return replace(first, status=status, owner=owner)


def _errors_of(value: Mapping[str, Any], status: int | None, depth: int) -> Iterator[_Found]:
    """Every error that an object tells of, the innermost of each."""
    if depth > NESTING or "role" in value:
        return
    status = _own_status(value) or status
    error = value.get("error")
    inner = list(_inside(value, status, depth))
    if inner:
        yield from inner
        return
    cut = isinstance(value, CutObject)
    if isinstance(error, dict) and isinstance(error.get("message"), str | dict):
        yield _Found(error, value, _own_status(error) or status, cut or isinstance(error, CutObject))
    elif isinstance(error, str) and error and not isinstance(value.get("message"), str):
        yield _Found({"message": error}, value, status, cut)
    elif "choices" in value and (broken := _broken_choice(value["choices"])):
        yield _Found({"message": broken, "status_code": None}, value, status, cut)
    elif isinstance(value.get("message"), str) and value.keys() & _OF_ERRORS:
        yield _Found(value, {}, status, cut)
    elif isinstance(value.get("detail"), str) and status and status >= 400:
        yield _Found({"message": value["detail"]}, value, status, cut)


_OF_ERRORS = {"type", "type_", "code", "param", "status", "statusCode", "status_code", "stack", "name"}
_NO_ERRORS = {"messages", "tools", "request", "config", "choices", "requestBodyValues", "response_headers", "headers"}


def _inside(value: Mapping[str, Any], status: int | None, depth: int) -> Iterator[_Found]:
    """The errors in the parts of an object: objects, lists, and strings that hold a body."""
    for name, part in value.items():
        if name in _NO_ERRORS:
            continue
        for item in part if isinstance(part, list) else (part,):
            if isinstance(item, dict):
                if not (name == "error" and _is_error(item)) or _holds_more(item):
                    yield from _errors_of(item, status, depth + 1)
            elif isinstance(item, str) and "{" in item and name != "failed_generation":
                for body, start, _ in objects(item):
                    told = _status(item[:start], "") or status
                    yield from _errors_of(body, told, depth + 1)


def _is_error(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("message"), str | dict)


def _holds_more(error: Mapping[str, Any]) -> bool:
    """Whether an error holds another: a gateway's has the provider's in its text or beside it."""
    return any(
        (isinstance(part, str) and "{" in part and name != "failed_generation" and _ERRORS_KEY.search(part))
        or (isinstance(part, dict) and name != "message")
        for name, part in error.items()
    )


_ERRORS_KEY = re.compile(r"[\"'](?:error|message)\\*[\"']")


def _broken_choice(choices: Any) -> str | None:
    """The error that a chunk of Together's streams has in its choice."""
    first = choices[0] if isinstance(choices, list) and choices else None
    error = first.get("error") if isinstance(first, dict) else None
    return error if isinstance(error, str) else None


_OF_WRAPPERS = {"name", "stack", "status", "statusCode", "headers", "provider", "level", "timestamp", "pid", "msg"}


def _paste_of(found: _Found, text: str, before: str, after: str, within: str) -> Paste:
    error, around = found.error, found.around
    raw = error.get("message")
    if isinstance(raw, dict):
        # Some of Together's servers put an error into the error.
        raw = raw.get("message")
    message = _clean(str(raw)) if isinstance(raw, str) else None
    own, off = taken_off(message) if message else (message, "")
    status = found.status or _status(before, text[: len(before)] + after if before else text)
    named = _named_status(before[-2 * NEAR :]) if status is None else None
    known = {"message", "type", "type_", "code"} | _OF_WRAPPERS
    told = error.keys() & _OF_WRAPPERS
    whole = not found.cut and not off and not told and bool(around) and not isinstance(raw, CutText)
    return Paste(
        text,
        own,
        _word(error.get("type", error.get("type_"))),
        _word(error.get("code")),
        status or named,
        {_clean(str(name)): _clean(value) for name, value in error.items() if name not in known},
        _word(around.get("id")),
        headers_in(text),
        owner_of(_signs_of(error, around, message or ""), before + (within if told else ""), within + after),
        {name: value for name, value in around.items() if name in ("id", "error")} if whole else None,
        cut=found.cut or isinstance(raw, CutText) or (message or "").endswith("..."),
        guessed_status=status is None,
        taken_off=off,
    )


def _signs_of(error: Mapping[str, Any], around: Mapping[str, Any], message: str) -> str:
    """What of an error tells whose it is: its words, and the ids beside it; not what a model has written."""
    parts = [
        message,
        *(str(error.get(name)) for name in ("type", "code", "status", "raw_status_code") if name in error),
    ]
    parts += [f"{name} " for name in error if name not in ("message", "failed_generation")]
    parts += [str(around.get(name)) for name in ("id", "request_id", "provider", "type") if name in around]
    return "\n".join(parts)


def headers_in(text: str) -> dict[str, str]:
    """The headers in *text* that tell of limits and requests."""
    return {name.lower(): value for name, value in _HEADER.findall(text)}


# Words without a body.

_LEAD = re.compile(
    r"^\W{0,4}(?:"
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?:\(\d+\))?(?: \[[\w:]+\])?\s*[:-]+\s*"  # groq.RateLimitError:
    r"|[\w.-]{1,40}(?: AI)?(?: API)? [Ee]rror(?: \(\d{3}\b[^)\n]{0,40}\))?\s*:\s*"
    r"|(?:API )?[Ee]rror(?: code)?:\s*(?:[1-5]\d\d\b[\w ]{0,30}[:-]*\s*)?"
    r"|HTTP [1-5]\d\d[\w ]{0,30}[:-]+\s*"
    r"|(?:API |Request )?(?:request |call )?failed(?: with error)?(?: \([^)\n]{0,60}\))?:\s*"
    r"|\(?[1-5]\d\d\)?(?: [A-Z][a-z]+(?: [A-Z][a-z]+)*)?\s*[:-]+\s+"
    r"|\d{4}-\d\d-\d\d[T ][\d:.,]+\S*\s+"
    r"|\[?(?:ERROR|WARN(?:ING)?|INFO|FATAL|CRITICAL|error|warn)\]?(?:[:\s-]+(?:[\w./-]+:\s)?)"
    r"|Upstream error from \w+:\s*"
    r")"
)
_LEAD_ANYWHERE = re.compile(
    r"(?:\w*Exception - |failed with error: |Error code: [1-5]\d\d - |\b[Ee]rror: [1-5]\d\d(?: -)? "
    r"|returned an? error[: ]+(?:detail=)?)(?=\S)"
)
_TAIL = re.compile(
    r"(?:\.? ?Received Model Group=.*|\s*LiteLLM Retried: .*|\s+\(code: [\w-]+\)"
    r"|\s*\n\s+at (?:async )?\S.*| \[request_id[:=][^\]]{1,80}\])\s*$",
    re.S,
)
_QUOTED = re.compile(
    r"\b(?:message|msg|detail|details|error|err|reason|body|cause)\s*[=:]\s*(?:\"((?:[^\"\\]|\\.){8,2000})\"|'((?:[^'\\]|\\.){8,2000})')"
)


def taken_off(message: str) -> tuple[str, str]:
    """*message* without what wrappers have put around it, and what that was."""
    text = message.strip() if message.strip() else message
    tail = _TAIL.search(text)
    text = text[: tail.start()] if tail else text
    if leads := list(_LEAD_ANYWHERE.finditer(text[:LONGEST_WORDS])):
        text = text[leads[-1].end() :]
    for _ in range(6):
        lead = _LEAD.match(text)
        if lead is None or not lead.end() or len(text) - lead.end() < 4 or _KEPT.match(text):
            break
        text = text[lead.end() :]
    return (text, message.replace(text, " … ").strip()) if text != message.strip() else (message, "")


_KEPT = re.compile(r"(?:Input validation error|[Ee]rror code: 1?\d{3}\s*$|code=\d{3}, message=)")


def words_in(paste: Paste) -> Iterator[Paste]:
    """What the error's words may be, where no body says it: each line's, without what is around it."""
    for found in _QUOTED.finditer(paste.text[: 50 * LONGEST_WORDS]):
        yield _worded(paste, unescaped(found[1] or found[2]), found.start(), found.end())
    if _PAGE.search(paste.text):
        return
    place = 0
    for line in paste.text.split("\n")[:MOST_LINES]:
        words, off = taken_off(line.strip()[:LONGEST_WORDS])
        if words.strip() and (off or line.strip() == paste.text.strip()):
            yield _worded(paste, words.strip(), place, place + len(line))
        place += len(line) + 1


def fields_in(paste: Paste) -> Iterator[Paste]:
    """What the error may be, if it is one without words: each object, with the status beside it."""
    for value, start, _ in objects(paste.text):
        status = paste.status or _status(paste.text[:start], "")
        yield replace(paste, message="", fields=value, body=value, status=status)


def _worded(paste: Paste, words: str, start: int, end: int) -> Paste:
    before, after, line = paste.text[:start], paste.text[end : end + 2 * NEAR], paste.text[start:end]
    owner = owner_of(words, before + "\n" + line.replace(words, " "), after)
    status = _status(before[-NEAR:] + line.replace(words, " "), "") or paste.status
    named = _named_status(line) if status is None or paste.guessed_status else None
    return replace(
        paste, message=words, status=named or status, guessed_status=named is not None, owner=owner, in_body=False
    )


_PAGE = re.compile(r"<!doctype html|<html|<title", re.I)
_PAGE_STATUS = re.compile(r"<title>[^<]{0,200}?\b([45][0-9]{2})\b", re.I)


def _alone(text: str) -> Paste:
    """A text without a body; of a page its title tells the status."""
    page = _PAGE_STATUS.search(text)
    status = int(page[1]) if page else _status("", text)
    named = _named_status(text) if status is None else None
    headers = headers_in(text)
    return Paste(
        text, status=status or named, headers=headers, owner=owner_of(text, text, ""), guessed_status=status is None,
        in_body=False,
    )  # fmt: skip
