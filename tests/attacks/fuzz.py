"""Feeds broken documents to the readers of cassettes, ledgers and pastes: each is read, or refused in one line.

    python tests/attacks/fuzz.py [SECONDS] [SEED]

Documents are taken from the seeds below and cut, doubled, swapped and spoiled. Whatever a reader raises beside
``BadInput``, and whatever takes longer than its share, is printed with the document, and the exit code is 1.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from pytest_llmcontract.cli import main as llmcontract

SLOW = 10.0
"""Seconds for one document of some kilobytes."""

CHAT = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x"}]}
CASSETTE = {
    "interactions": [
        {
            "request": {
                "method": "POST",
                "uri": "https://api.groq.com/openai/v1/chat/completions?x=1",
                "body": json.dumps(CHAT),
                "headers": {"authorization": ["Bearer ***"], "content-encoding": ["gzip"]},
            },
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": ["text/event-stream"], "date": ["Thu, 01 Oct 2026 12:00:00 GMT"]},
                "body": {"string": 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'},
            },
            "recorded_at": "2026-11-28T09:03:09+00:00",
        }
    ],
    "version": 1,
    "metadata": {"llmcontract": {"format": 1, "provider": ["groq"], "edition": ["2026-10-01"], "plan": ["free"]}},
}
LEDGER = {
    "format": 1,
    "tool": "t",
    "sessions": [{"id": "a", "started": "2026-01-01T00:00:00Z", "shard": ""}],
    "editions": {"groq": ["2026-10-01"]},
    "tests": [{"id": "t", "outcome": "passed", "session": 0, "began": "2026-01-01T00:00:00Z", "seconds": 0.5}],
    "calls": [],
    "totals": {"tests": 1, "cost": "1.00"},
    "violations": [{"code": "LLM101", "severity": "error", "message": "m", "test": 0, "call": None}],
    "budgets": [{"scope": "session", "name": "cost", "limit": "1.00", "used": "2.00", "ok": False}],
}
PASTES = (
    "Error code: 429 - {'error': {'message': 'Rate limit reached for model `openai/gpt-oss-120b` in organization "
    "`org_x` service tier `on_demand` on tokens per minute (TPM): Limit 8000, Used 7000, Requested 1500. Please try "
    "again in 3.75s.', 'type': 'tokens', 'code': 'rate_limit_exceeded'}}",
    '{"error": {"message": "The model `llama-9` does not exist or you do not have access to it.", "code": 404}}',
    "together.error.InvalidRequestError: Error code: 402 - credit limit exceeded",
)
SPOILS = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud83d", b"\x1b[31m", b"\n::error::x", b"[" * 3000, b"{" * 3000,
    b"1E+99999999", b"NaN", b"-Infinity", b"9" * 5000, b"!!python/object/apply:os.system [x]", b"&a [*a, *a]",
    b"\xe2\x80\xae", b'"', b"'", b": ", b"\r\n", b"0x10", b"2026-99-99", b"https://[::1", b"http://u:p@h:99999/",
    b"\x1f\x8b", b"%", b"\\", b"{}", b"null",
)  # fmt: skip

YAML_TEXT = json.dumps(CASSETTE, indent=1)  # JSON is YAML
TARGETS = (
    ("verify", ".yaml", YAML_TEXT, ["verify"]),
    ("verify", ".json", json.dumps(CASSETTE), ["verify"]),
    ("contract", ".yaml", YAML_TEXT, ["verify", "--contract"]),
    ("drift", ".json", json.dumps(CASSETTE), ["drift"]),
    ("report", ".json", json.dumps(LEDGER), ["report"]),
    ("report as Markdown", ".json", json.dumps(LEDGER), ["report", "--format", "md"]),
    *(("reproduce", ".txt", paste, ["reproduce"]) for paste in PASTES),
)


def spoiled(document: bytes, dice: random.Random) -> bytes:
    """*document* with a few things wrong in it."""
    for _ in range(dice.randint(1, 4)):
        at, to = sorted(dice.randrange(len(document) + 1) for _ in range(2))
        to = min(to, at + dice.choice((0, 1, 8, 200)))
        spoil = dice.choice((b"", document[at:to] * 2, dice.choice(SPOILS), dice.choice(SPOILS), dice.randbytes(3)))
        document = document[:at] + spoil + document[to:] if dice.random() < 0.95 else document[:at]
    return document


def tried(command: list[str], file: Path) -> str:
    """What is wrong with how *command* takes *file*; empty if nothing is."""
    began, printed = time.process_time(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = llmcontract([*command, str(file)])
    except BaseException:
        if isinstance(sys.exc_info()[1], KeyboardInterrupt):
            raise
        return traceback.format_exc()
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if "\x1b" in printed.getvalue():
        return "an escape of the document is printed"
    taken = time.process_time() - began  # of the processor: it is the work that is to be bounded, not the machine
    return "" if taken < SLOW else f"took {taken:.1f} s"


def fuzz(seconds: float, seed: int, most: float = float("inf")) -> int:
    """How many of at most *most* documents a reader did not take as it should."""
    dice, end, number, bad = random.Random(seed), time.monotonic() + seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end and bad < 10 and number < most:
            name, suffix, text, command = dice.choice(TARGETS)
            file = Path(folder) / f"x{suffix}"
            file.write_bytes(document := spoiled(text.encode(), dice))
            number += 1
            if problem := tried(command, file):
                bad += 1
                print(f"--- {name}: {problem}\n{document!r}\n")
    print(f"{number} documents, {bad} not taken as they should be (seed {seed})")
    return bad


if __name__ == "__main__":
    arguments = sys.argv[1:]
    seconds = float(arguments[0]) if arguments else 60.0
    raise SystemExit(1 if fuzz(seconds, int(arguments[1]) if len(arguments) > 1 else time.time_ns()) else 0)
