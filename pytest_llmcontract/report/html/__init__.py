"""The HTML page: one file that needs nothing else, for people who want to see what a session did.

:func:`page` puts three things into ``page.html``: the style, the ledger as JSON, and the scripts, which build
everything that is seen from that JSON. The charts are drawn by Bokeh's JavaScript, which travels in the page; why
Bokeh is told in ``docs/report.md``. The scripts of this folder are joined into one module in the order of
:data:`SCRIPTS`, so that each may use the names of those before it.

A Content-Security-Policy lets nothing but these very scripts run and forbids every connection.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.report.document import CallEntry, LedgerDocument, MoneyEntry

SCRIPTS = (
    *("words.js", "ledger.js", "table.js", "charts.js", "plots.js", "bodies.js", "exchange.js"),
    *("summary.js", "findings.js", "battery.js", "tests.js", "limits.js", "spend.js", "accounts.js", "calls.js"),
    *("call.js", "page.js"),
)
BLOCK = 200_000
"""Characters of exchanges that are packed together: more would be slower to open, fewer larger."""
_HERE = Path(__file__).parent


def check_available() -> None:
    """Be sure, before the tests run, that a page can be written after them.

    Raises:
        BadInput: The charting library is not installed.
    """
    if find_spec("bokeh") is None:
        raise BadInput(
            "an .html report needs Bokeh: pip install 'pytest-llmcontract[report]'; "
            ".json, .md and .sarif need nothing more"
        )


def page(document: LedgerDocument) -> str:
    """The whole page as one HTML text.

    Raises:
        BadInput: The charting library is not installed.
    """
    check_available()
    from bokeh.resources import Resources

    scripts = [(text, "") for text in Resources(mode="inline", components=["bokeh", "bokeh-api"]).js_raw]
    scripts.append(("\n".join(_file(name) for name in SCRIPTS), ' type="module"'))
    return Template(_file("page.html")).substitute(
        policy=_policy(text for text, _ in scripts),
        style=_file("style.css"),
        ledger=_json(data(document)),
        exchanges=_json(exchanges(document)),
        scripts="\n".join(f"<script{kind}>{text}</script>" for text, kind in scripts),
    )


def _policy(scripts: Iterable[str]) -> str:
    """Only *scripts* run, nothing is fetched. Bokeh puts style elements into its charts, so styles are open."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def data(document: LedgerDocument) -> dict[str, Any]:
    """What the scripts read: the document, with the many calls and entries as columns."""
    whole = document.model_dump(mode="json", exclude={"format", "calls", "totals", "money"})
    return {**whole, "calls": _columns(document.calls), "money": _entries(document.money)}


def exchanges(document: LedgerDocument) -> list[dict[str, Any]]:
    """What was said in the calls, in packed blocks: the page unpacks one when a call of it is opened.

    A block has ``calls``, their indexes, and ``data``: their exchanges as one JSON list, deflated, in base 64.
    """
    blocks: list[dict[str, Any]] = []
    indexes: list[int] = []
    texts: list[str] = []
    size = 0
    for index, call in enumerate(document.calls):
        if call.exchange is not None:
            indexes.append(index)
            texts.append(call.exchange.model_dump_json(exclude_defaults=True))
            size += len(texts[-1])
        if texts and (size > BLOCK or index == len(document.calls) - 1):
            blocks.append({"calls": indexes, "data": _deflated(f"[{','.join(texts)}]")})
            indexes, texts, size = [], [], 0
    return blocks


def _deflated(text: str) -> str:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return b64encode(packer.compress(text.encode()) + packer.flush()).decode()


def _columns(calls: tuple[CallEntry, ...]) -> dict[str, Any]:
    """A list for each fact instead of a record for each call, every text once: a fifth of the size."""
    numbers: dict[str, list[Any]] = {
        "test": [call.test for call in calls],
        "status": [call.status for call in calls],
        "at": [round(call.at, 3) for call in calls],
        "took": [round(call.took, 3) for call in calls],
        "attempt": [call.attempt for call in calls],
        "input": [call.usage.input_tokens for call in calls],
        "cached": [call.usage.cached_tokens for call in calls],
        "output": [call.usage.output_tokens for call in calls],
        "cost": [float(call.cost) for call in calls],
        "stream": [int(call.stream) for call in calls],
        "scripted": [int(call.scripted) for call in calls],
        "recorded": [int(call.recorded) for call in calls],
        "retryAfter": [call.retry_after for call in calls],
        "wait": [call.refused.wait if call.refused else None for call in calls],
        "asked": [call.refused.requested if call.refused else None for call in calls],
    }
    texts = {
        **{
            name: _coded([getattr(call, name) or "" for call in calls])
            for name in ("provider", "plan", "operation", "model", "error", "cut", "client", "site")
        },
        "madeBy": _coded([call.made_by for call in calls]),
        "source": _coded([call.usage.source for call in calls]),
        "refusedBy": _coded([call.refused.limit if call.refused else "" for call in calls]),
    }
    kinds = {kind: None for call in calls for kind in call.limits}
    limits = {kind: [call.limits.get(kind) for call in calls] for kind in kinds}
    taken = {kind: [call.taken.get(kind, 0) for call in calls] for kind in kinds}
    staged = _coded([" ".join(call.staged) for call in calls])
    return {"numbers": numbers, "texts": {**texts, "staged": staged}, "limits": limits, "taken": taken}


def _entries(entries: tuple[MoneyEntry, ...]) -> dict[str, Any]:
    """The same of entries."""
    numbers: dict[str, list[Any]] = {
        "test": [entry.test for entry in entries],
        "at": [round(entry.at, 3) for entry in entries],
        "amount": [float(entry.amount) for entry in entries],
        "call": [entry.call for entry in entries],
    }
    texts = {
        name: _coded([getattr(one, name) for one in entries]) for name in ("provider", "what", "source", "against")
    }
    return {"numbers": numbers, "texts": texts}


def _coded(texts: list[str]) -> dict[str, Any]:
    """Each text once in ``of``; ``at`` says which one it is."""
    known: dict[str, int] = {}
    at = [known.setdefault(text, len(known)) for text in texts]
    return {"of": list(known), "at": at}


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in, whatever texts it holds."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _file(name: str) -> str:
    return (_HERE / name).read_text("utf-8")
