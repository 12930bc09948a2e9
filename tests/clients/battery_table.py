"""Writes docs/clients-behaviour.md: what the real clients that are installed here do, by the battery.

``python tests/clients/battery_table.py`` runs the battery on all of ``battery_contracts.py``, keeps what it saw in
``battery_table.json``, in place of what that had of the same clients, and writes the page of it all. Clients do not
all live in one environment, so it is run in several: ``--only LangChain`` takes one of those that are installed.
``--reported`` keeps what was publicly reported only, of a version before a fix or after it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_llmcontract.core.battery.behaviours import behaviours_of

HERE = Path(__file__).parent
KEPT = HERE / "battery_table.json"
PAGE = HERE.parents[1] / "docs" / "clients-behaviour.md"
NAMES = {"groq": "Groq", "together": "Together AI"}
UNSAID = ("tells", "part", "nothing", "substitutes", "crashes")
REPORTED = (
    {
        "client": "LiteLLM",
        "provider": "groq",
        "package": "litellm",
        "behaviour": "notices_an_error_within_a_stream",
        "what": "an error within a stream of Groq is dropped, and the answer is what came before it",
        "url": "https://github.com/BerriAI/litellm/issues/9296",
        "fixed": ("answers", "tells", "raises"),
    },
    {
        "client": "pydantic-ai, an object",
        "provider": "groq",
        "package": "pydantic-ai-slim",
        "behaviour": "handles_a_tool_call_that_failed",
        "what": "tool_use_failed without a tool's name ends the run, and its retries are not used",
        "url": "https://github.com/pydantic/pydantic-ai/issues/4350",
        "fixed": ("answers",),
    },
    {
        "client": "openai",
        "provider": "groq",
        "package": "openai",
        "behaviour": "obeys_a_retry_after_of_61_seconds",
        "what": "a retry-after above 60 s is not obeyed: it asks again early",
        "url": "https://github.com/openai/openai-python/pull/3555",
        "fixed": ("answers",),
    },
)
"""What people reported, and where the battery shows it."""
ASKS_AGAIN = {
    "obeys_a_retry_after_of_2_seconds": "429",
    "leaves_flex_when_it_has_no_room": "498",
    "survives_an_internal_error": "500",
    "survives_a_bad_gateway": "502",
    "survives_a_provider_over_capacity": "503",
    "survives_a_gateway_timeout": "504",
    "survives_an_unknown_error_of_the_origin": "520",
    "survives_an_origin_that_is_down": "521",
    "survives_an_origin_that_is_too_slow": "524",
    "survives_a_busy_server": "529",
    "handles_a_tool_call_that_failed": "`tool_use_failed`",
    "handles_json_that_does_not_validate": "`json_validate_failed`",
    "survives_a_refused_connection": "a refused connection",
    "survives_a_reply_that_never_comes": "a read timeout",
    "does_not_pass_on_an_empty_answer": "an empty answer",
    "notices_a_stream_that_is_cut_before_its_first_event": "a stream cut before its first event",
}
"""What is asked again after, where more than one request was made."""


def main() -> int:
    parser = argparse.ArgumentParser(description="what the real clients do, by the battery")
    parser.add_argument("--only", metavar="CLIENT", action="append", default=[], help="such as LangChain; repeatable")
    parser.add_argument("--reported", action="store_true", help="keep what was publicly reported only")
    args = parser.parse_args()
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {"clients": [], "reported": []}
    seen = [one for one in _run() if not args.only or one["client"] in args.only]
    if not args.reported:
        fresh = {(one["client"], one["provider"]) for one in seen}
        kept["clients"] = [one for one in kept["clients"] if (one["client"], one["provider"]) not in fresh] + seen
    kept["clients"].sort(key=lambda one: (one["provider"], one["client"].lower()))
    _note_reported(kept, seen)
    KEPT.write_text(_written(kept), "utf-8")
    PAGE.write_text(page(kept), "utf-8")
    return 0


def _written(kept: Mapping[str, Any]) -> str:
    """JSON with a line for each row, so that what changed is read in a diff."""
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _run() -> Iterator[dict[str, Any]]:
    """What every client that is installed here did."""
    sys.path.insert(0, str(HERE))
    import battery_contracts as contracts

    kinds = {
        name: kind
        for name, kind in vars(contracts).items()
        if isinstance(kind, type) and issubclass(kind, contracts.Real) and kind.label
    }
    rows: dict[str, dict[str, Any]] = {}
    for verdict in _verdicts():
        rows.setdefault(verdict["client"], {})[verdict["behaviour"]] = {
            "verdict": verdict["verdict"],
            "outcome": verdict["outcome"],
            "requests": verdict["requests"],
            "seconds": _rounded(verdict["seconds"]),
            "reason": verdict["reason"],
        }
    for name, found in rows.items():
        yield {
            "client": kinds[name].label,
            "provider": kinds[name].provider,
            "versions": {package: version(package) for package in kinds[name].packages},
            "python": platform.python_version(),
            "date": str(datetime.now(UTC).date()),
            "rows": {each.id: found[each.id] for each in behaviours_of(kinds[name].provider) if each.id in found},
        }


def _verdicts() -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        ledger = Path(folder, "ledger.json")
        options = ["-q", "-p", "pytest_llmcontract.plugin", "-p", "no:cacheprovider", f"--llmcontract-report={ledger}"]
        settings = Path(folder, "pytest.ini")  # not those of this project, which want plugins
        settings.write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-c", str(settings), str(HERE / "battery_contracts.py"), *options]
        environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        # Cells that are no verdict of a good client fail their tests: that is what the table is for.
        subprocess.run([*command, "--tb=no"], env=environ, check=False, stdout=subprocess.DEVNULL)
        battery: list[dict[str, Any]] = json.loads(ledger.read_text("utf-8"))["battery"]
        return battery


def _rounded(seconds: float) -> float:
    return round(seconds) if seconds >= 10 else round(seconds, 1)


def _note_reported(kept: dict[str, Any], seen: Iterable[Mapping[str, Any]]) -> None:
    for one in seen:
        for report in REPORTED:
            if (one["client"], one["provider"]) != (report["client"], report["provider"]):
                continue
            entry = {
                "behaviour": report["behaviour"],
                "package": report["package"],
                "version": one["versions"][report["package"]],
                "date": one["date"],
                **one["rows"][report["behaviour"]],
            }
            place = ("behaviour", "package", "version")
            others = [old for old in kept["reported"] if any(old[name] != entry[name] for name in place)]
            kept["reported"] = sorted([*others, entry], key=lambda each: [each["package"], _number(each["version"])])


def _number(text: str) -> list[int]:
    return [int(part) for part in text.split(".") if part.isdigit()]


# The page.


def page(kept: Mapping[str, Any]) -> str:
    """What was seen, for people."""
    parts = [_HEAD]
    for provider, name in NAMES.items():
        clients = [one for one in kept["clients"] if one["provider"] == provider]
        parts += [f"## {name}", _short(clients), f"### {name}, behaviour by behaviour", _matrix(provider, clients)]
    parts += ["## What was publicly reported", _REPORTED_HEAD, _reported(kept)]
    return "\n\n".join(parts) + "\n"


_HEAD = """# What the real clients do

[The battery](battery.md), run on the SDKs and frameworks as they come: nothing is set but the model.
These are facts about versions, of the days that stand beside them, and no grades.
`python tests/clients/battery_table.py` writes this page, in each environment that has some of the clients.

Read a cell as *what came of it, requests, virtual seconds*;
the words are those of [the battery](battery.md#what-may-come-of-it), and a rule in brackets is what a library did.
The SDKs return their own objects: a `finish_reason` in them counts as told."""
_REPORTED_HEAD = (
    "Reports of others, and what the same behaviour of the battery shows of a version from before a fix and of one "
    "from after it."
)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(clients: Iterable[Mapping[str, Any]]) -> str:
    head = ("client", "asks again after", "a wait that is told", "gives up on 503", "returns without an exception")
    return _table(head, [(_name(one), *_habits(one["rows"])) for one in clients])


def _name(one: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{package} {number}" for package, number in one["versions"].items())
    return f"**{one['client']}** ({versions}; {one['date']})"


def _habits(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield (
        ", ".join(name for behaviour, name in ASKS_AGAIN.items() if rows.get(behaviour, _NONE)["requests"] > 1)
        or "nothing"
    )
    yield "; ".join(_wait(seconds, rows[f"obeys_a_retry_after_of_{seconds}_seconds"]) for seconds in (2, 59, 61, 121))
    stays = rows["gives_up_on_an_error_that_stays"]
    yield f"after {_requests(stays)}, {stays['seconds']:g} s"
    unsaid = [f"`{behaviour}`: {row['outcome']}" for behaviour, row in rows.items() if row["outcome"] in UNSAID]
    yield "; ".join(unsaid) or "nothing"


_NONE: Mapping[str, Any] = {"requests": 0}


def _wait(told: int, row: Mapping[str, Any]) -> str:
    if row["requests"] == 1:
        return f"{told} s: gives up"
    return f"{told} s: waits" if row["seconds"] >= told else f"{told} s: asks again after {row['seconds']:g} s in all"


def _requests(row: Mapping[str, Any]) -> str:
    return f"{row['requests']} request{'s' * (row['requests'] != 1)}"


def _matrix(provider: str, clients: list[Mapping[str, Any]]) -> str:
    head = ("behaviour", *(one["client"] for one in clients))
    ids = [behaviour.id for behaviour in behaviours_of(provider)]
    return _table(head, [(f"`{name}`", *(_cell(one["rows"].get(name)) for one in clients)) for name in ids])


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None or row["verdict"] == "not applicable":
        return "–"
    return f"{row['outcome']}, {row['requests']}, {row['seconds']:g} s{_remark(row)}"


def _remark(row: Mapping[str, Any]) -> str:
    code = row["reason"].partition("LLM")[2][:3]
    return f" (LLM{code})" if code.isdigit() else ""


def _reported(kept: Mapping[str, Any]) -> str:
    rows = []
    for report in REPORTED:
        seen = [one for one in kept["reported"] if (one["behaviour"], one["package"]) == key(report)]
        rows += [(f"[{report['what']}]({report['url']})", _version(one), _found(one, report)) for one in seen]
    return _table(("report", "version", "the battery"), rows)


def key(report: Mapping[str, Any]) -> tuple[str, str]:
    return report["behaviour"], report["package"]


def _version(one: Mapping[str, Any]) -> str:
    return f"{one['package']} {one['version']} ({one['date']})"


def _found(one: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    return f"**{'shows it' if shows(one, report) else 'does not show it'}**: {one['reason']}"


def shows(one: Mapping[str, Any], report: Mapping[str, Any]) -> bool:
    """Whether what was seen of a version is what was reported."""
    return one["outcome"] not in report["fixed"] or bool(_remark(one))


if __name__ == "__main__":
    raise SystemExit(main())
