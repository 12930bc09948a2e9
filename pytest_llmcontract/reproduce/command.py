"""``llmcontract reproduce``: what is read, what is printed, and the exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.secrets import without_keys
from pytest_llmcontract.core.words import visible
from pytest_llmcontract.reproduce.choose import Choice, choose
from pytest_llmcontract.reproduce.connections import Connection
from pytest_llmcontract.reproduce.paste import half_json
from pytest_llmcontract.reproduce.scenario import error_of
from pytest_llmcontract.reproduce.solve import Reproduction
from pytest_llmcontract.reproduce.testfile import as_test

MOST = 1_000_000
"""Bytes that are read of one error."""

LOOKED_FOR = (
    "a JSON error body, an SDK's `Error code: 429 - {…}`, or one of the texts that Groq and Together AI are known to "
    "send: refusals by a limit (`… Limit 6000, Used 5034, Requested 1443`), refused requests, unknown or retired "
    "models, keys, tiers, credit, capacity"
)


def run(args: argparse.Namespace) -> int:
    """Reproduce what was pasted; 0, or 1 if something of it is not recognised.

    Raises:
        BadInput: It cannot be read, is no text, or the result cannot be written.
    """
    name = "standard input" if args.file in (None, "-") else args.file
    _free(args)
    if args.provider is not None and args.provider not in provider_names():
        raise unknown("provider", args.provider, provider_names())
    if args.lines:
        return _lines(args, name)
    text = _decoded(_read(args.file, name), name)
    choice = choose(text, provider=args.provider, edition=args.edition, pick=args.pick)
    found = choice.found
    if found is None and choice.seems is None and half_json(text):
        raise BadInput(f"{name}: the JSON ends in the middle, and nothing in it is an error that is known")
    if args.json:
        _write(json.dumps(as_json(choice), indent=2, ensure_ascii=False) + "\n", args)
    elif found is not None:
        _write(as_test(found), args)
        if args.output:
            print(f"{args.output}: {_told(found)}")
    if not args.json:
        _say(choice, name)
    return 0 if found else 1


def _say(choice: Choice, name: str) -> None:
    """On standard error: that nothing was recognised, or which of several errors it was."""
    if choice.found is None:
        seems = (
            f"it seems to be {choice.seems}'s, which is not simulated" if choice.seems else f"looked for {LOOKED_FOR}"
        )
        print(f"llmcontract reproduce: {name}: not recognised; {seems}", file=sys.stderr)
    elif choice.listed:
        print(f"llmcontract reproduce: {len(choice.listed)} errors (* is this one; --pick N):", file=sys.stderr)
        for error in choice.listed:
            print(f"{'*' if error.number == choice.picked else ' '} {error}", file=sys.stderr)


def _told(found: Reproduction | Connection) -> str:
    """One line about what was recognised."""
    if isinstance(found, Connection):
        return f"{found.scenario.provider} {found.scenario.error}, a connection without a reply"
    played = found.played
    how = "by the simulator's rules and texts" if found.natural else "scripted word for word"
    return f"{played.scenario.provider} {played.reply.error or played.scenario.error}, {played.reply.status}, {how}"


def _lines(args: argparse.Namespace, name: str) -> int:
    missed = 0
    answers = []
    with _opened(args.file, name) as file:
        for line in _each(file):
            answer = _answer(line, args)
            missed += not answer["recognised"]
            # Escaped, so that nothing in it can be taken for the end of a line.
            answers.append(json.dumps(answer) + "\n")
            if not args.output:
                sys.stdout.write(answers.pop())
    if args.output:
        _write("".join(answers), args)
    return 1 if missed else 0


def _answer(line: bytes | None, args: argparse.Namespace) -> dict[str, Any]:
    if line is None:
        return {"recognised": False, "reason": f"longer than {MOST} bytes"}
    try:
        text = _decoded(line, "the line")
    except BadInput as problem:
        return {"recognised": False, "reason": str(problem)}
    return as_json(choose(text, provider=args.provider, edition=args.edition))


def as_json(choice: Choice) -> dict[str, Any]:
    """What ``--json`` prints."""
    found = choice.found
    if found is None:
        seems = {"seems": choice.seems} if choice.seems else {}
        answer: dict[str, Any] = {"recognised": False, **seems, "looked_for": LOOKED_FOR}
    elif isinstance(found, Connection):
        answer = _of_connection(found)
    else:
        answer = of_reply(found)
    if choice.listed:
        answer["errors"] = [vars(error) for error in choice.listed]
        answer["picked"] = choice.picked
    return answer


def _of_connection(found: Connection) -> dict[str, Any]:
    return {
        "recognised": True,
        "provider": found.scenario.provider,
        "error": found.scenario.error,
        "natural": True,
        "status": None,
        "headers": {},
        "body": None,
        "notes": list(found.notes),
    }


def of_reply(found: Reproduction) -> dict[str, Any]:
    """The reply that was reproduced."""
    reply = found.played.reply
    body = reply.json if reply.events is None else None
    answer = {
        "recognised": True,
        "provider": found.played.scenario.provider,
        "error": reply.error or found.played.scenario.error,
        "natural": found.natural,
        "status": reply.status,
        "headers": dict(reply.headers),
        "body": body if isinstance(body, dict) else {"error": dict(error_of(reply))},
        "notes": list(found.notes),
    }
    return answer if isinstance(body, dict) else {**answer, "text": reply.text}


# Reading and writing.


def _opened(file: str | None, name: str) -> BinaryIO:
    if file in (None, "-"):
        if sys.stdin.isatty():
            print("Paste the error, then press Ctrl-D.", file=sys.stderr)
        return sys.stdin.buffer
    try:
        return open(file, "rb")
    except OSError as problem:
        raise BadInput(f"{name}: {problem.strerror or problem}") from None


def _read(file: str | None, name: str) -> bytes:
    with _opened(file, name) as opened:
        try:
            data = opened.read(MOST + 1)
        except OSError as problem:
            raise BadInput(f"{name}: {problem.strerror or problem}") from None
    if len(data) > MOST:
        raise BadInput(f"{name}: more than {MOST:,} bytes; paste the error alone")
    return data


def _each(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines of *file*; ``None`` for one that is too long to be read."""
    while line := file.readline(MOST + 1):
        if line.endswith(b"\n") or len(line) <= MOST:
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MOST)
        yield None


def _decoded(data: bytes, name: str) -> str:
    """*data* as text.

    Raises:
        BadInput: It is empty, or no text.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    else:
        text = data.decode("utf-8-sig", "replace")
    if not text.strip():
        raise BadInput(f"{name}: nothing was pasted; expected an error's text or JSON body")
    if "\0" in text or text.count("\ufffd") > len(text) // 20:
        raise BadInput(f"{name}: this is no text; expected an error's text or JSON body")
    return without_keys(text)


def _free(args: argparse.Namespace) -> None:
    """Refuse to write over a file: a test that somebody has worked on is not lost by a second run."""
    if args.output and not args.force and Path(args.output).is_file():
        raise BadInput(f"--output {args.output}: the file exists; give another name, or --force to overwrite it")


def _write(text: str, args: argparse.Namespace) -> None:
    """Print *text*, or put it whole into the file of ``--output``."""
    output = args.output
    if output is None:
        sys.stdout.write(visible(text))
        return
    target = Path(output)
    unfinished = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as file:
            unfinished = Path(file.name)
            file.write(visible(text))
        unfinished.chmod(0o666 & ~_umask())
        unfinished.replace(target)
    except OSError as problem:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        raise BadInput(f"--output {output}: {problem.strerror or problem}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
