"""Flags, ini keys and markers: what they are called, what they accept, and which one wins.

Precedence is flag > marker > ini > default. This module is imported at pytest's start, so it imports nothing that
costs time.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from pytest_llmcontract.core.facts.registry import edition_days, old_facts, provider_names, title_of
from pytest_llmcontract.core.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from pytest_llmcontract.core.findings.selection import Selection

MARKERS = {
    "llm_clock": '*, mode="virtual", wall=False, start=None, seed=0',
    "llm_budget": "*, calls=None, tokens=None, input_tokens=None, output_tokens=None, cost=None, retries=None, "
    "seconds=None, share=None, fits=None, per_minute=None, per_day=None, output=None",
    "llm_contract": "path=None, *, record=None, source=None, ignore=(), normalise=None, repeats=False",
    "llm_allow": '"LLM101", …',
}
"""Marker -> signature, of those that are no provider's. One named as a fixture asks for it too."""

_SEED = "_LLMCONTRACT_SEED"
"""Of the environment: the seed that the session drew."""

_POSITIONAL = {"llm_contract": ("path",)}

_MARKER_HELP = {
    "llm_clock": "how the virtual clock runs: mode 'virtual' or 'real', wall=True moves time.time() along.",
    "llm_budget": "fail this test if it uses more, or would not fit a plan if it ran so and so often.",
    "llm_contract": "answer this test's calls from its cassette, or record them: where it is, what is not compared.",
    "llm_allow": "count findings of these codes as notes in this test.",
}

_FLAGS: dict[str, dict[str, Any]] = {
    "edition": {
        "metavar": "DATE",
        "help": "day whose provider facts hold: each provider's newest edition not after it",
    },
    "guard": {
        "choices": ("fixture", "always", "network", "off"),
        "help": "stop calls to providers that are not simulated, and to well-known LLM services: in tests with a "
        "fixture of ours (default), always, everything but this machine always (network), or never",
    },
    "redirect": {
        "choices": ("on", "off"),
        "help": "lead clients that no patch reaches (bare sockets, dspy, niquests, pyreqwest, curl_cffi) to the "
        "simulation: their look-ups and connections, and by a proxy and certificates those that are compiled; "
        "default off",
    },
    "record": {
        "choices": ("none", "once", "new_episodes", "all"),
        "help": "what tests marked llm_contract may record, in vcrpy's words: nothing (default), all where there is no "
        "cassette yet, what is missing or has changed, everything anew",
    },
    "source": {
        "choices": ("simulator", "live"),
        "help": "who answers what is recorded: the simulator (default), or the provider itself, with a real key",
    },
    "unplayed": {
        "choices": ("warning", "error"),
        "help": "what a recorded call is that no test makes any more (LLM205): a warning (default) or an error",
    },
    "budget": {
        "metavar": "NAME=N,…",
        "help": "what the whole session may use, such as cost=0.50,tokens=200K; names: calls, tokens, input_tokens, "
        "output_tokens, cost, retries, seconds",
    },
    "report": {
        "metavar": "PATH",
        "action": "append",
        "help": "write a report when the session ends, by suffix .json, .html, .md or .sarif; repeatable",
    },
    "seed": {
        "metavar": "N",
        "help": "seed of every chaos() that names none: a number, or random for another one each session; default 0",
    },
    "select": {
        "metavar": "CODES",
        "help": "rules that count, comma separated: codes, beginnings of codes, or ALL (default)",
    },
    "ignore": {
        "metavar": "CODES",
        "help": "rules that do not count, comma separated: codes or beginnings of codes",
    },
}
_INI_TYPES: dict[str, Any] = {"report": "args", "select": "args", "ignore": "args"}
"""Of ini keys that may be lists in pyproject.toml."""


def add_options(parser: pytest.Parser) -> None:
    """Register every flag, and the ini key of the same name."""
    group = parser.getgroup("llmcontract", "simulated LLM providers (pytest-llmcontract)")
    for name, settings in _FLAGS.items():
        group.addoption(f"--llmcontract-{name}", dest=f"llmcontract_{name}", default=None, **settings)
        parser.addini(f"llmcontract_{name}", settings["help"], type=_INI_TYPES.get(name), default=None)
    parser.addini(
        "llmcontract_dummy_keys",
        "set missing provider keys to dummies when pytest starts, for clients built at import time",
        type="bool",
        default=False,
    )
    parser.addini(
        "llmcontract_retires_within",
        "days before a model's retirement from which its use is a warning (LLM108); 0: never",
        default="30",
    )
    parser.addini(
        "llmcontract_requests_per_call",
        "requests that one logical call may take where several layers ask again (LLM307)",
        default="6",
    )
    parser.addini(
        "llmcontract_attempts_per_call",
        "requests that one logical call may take where one layer asks again (LLM302)",
        default="10",
    )
    parser.addini(
        "llmcontract_facts",
        "a file of models of one's own, laid over the facts of this package (llmcontract models --overlay writes one)",
        default="",
    )
    parser.addini(
        "llmcontract_expire_after",
        "from when on a recording is stale (LLM203), such as 30d or 12w; default 180d",
        default="",
    )
    parser.addini(
        "llmcontract_on_expiry",
        "what becomes of a stale recording: warn (default), fail, or rerecord: by whoever answered it",
        default="",
    )
    parser.addini(
        "llmcontract_allow_hosts",
        "hosts that the guard lets be called, one a line; * stands for any part of a name",
        type="linelist",
        default=[],
    )
    parser.addini(
        "llmcontract_per_path_ignores",
        "rules that do not count on some paths, one pattern a line: tests/legacy/*: LLM101, LLM108",
        type="linelist",
        default=[],
    )


def add_markers(config: pytest.Config) -> None:
    for name, provider in provider_markers().items():
        # Its signature takes to load the provider: only for who wants to read it.
        signature = signature_of(name) if config.getoption("markers", False) else "…"
        line = (
            f"{name}({signature}): simulate {title_of(provider)} for this test, with an account, limits, models, hosts."
        )
        config.addinivalue_line("markers", line)
    for name, signature in MARKERS.items():
        config.addinivalue_line("markers", f"{name}({signature}): {_MARKER_HELP[name]}")


@cache
def provider_markers() -> Mapping[str, str]:
    """Marker, and fixture, -> the provider that it simulates."""
    return {f"{provider}_api": provider for provider in provider_names()}


def signature_of(marker: str) -> str:
    """What *marker* takes; of a provider's, the fields of its settings, its own ones first."""
    if marker in MARKERS:
        return MARKERS[marker]
    from dataclasses import fields

    from pytest_llmcontract.core.provider import provider_called
    from pytest_llmcontract.core.settings import ProviderSettings

    shared = {field.name for field in fields(ProviderSettings)}
    taken = sorted(fields(provider_called(provider_markers()[marker]).settings), key=lambda field: field.name in shared)
    return ", ".join(["*", *(f"{field.name}={_shown(field.default)}" for field in taken)])


def _shown(default: object) -> str:
    return json.dumps(default) if isinstance(default, str) else repr(default)


class Options(NamedTuple):
    """What flags and ini say, validated."""

    edition_flag: str | None = None
    edition_ini: str | None = None
    guard: Guard = Guard()
    retires_within: int = 30
    seed: int = 0
    requests_per_call: int = 6
    attempts_per_call: int = 10
    selection: Selection | None = None
    """``None``: every rule counts."""
    record_flag: str | None = None
    record_ini: str | None = None
    source_flag: str | None = None
    source_ini: str | None = None
    expire_after: int = 0
    on_expiry: str = "warn"
    unplayed: str = "warning"
    budget: Mapping[str, Decimal] | None = None
    """What the session may use, by name."""
    reports: tuple[Path, ...] = ()

    @property
    def collects(self) -> bool:
        """Whether anybody wants to know what all tests did: a report, a budget, or GitHub."""
        return bool(self.reports or self.budget) or os.environ.get("GITHUB_ACTIONS") == "true"

    @property
    def keeps_exchanges(self) -> bool:
        """Whether a report shows what was said in the calls."""
        return any(path.suffix in (".json", ".html") for path in self.reports)


def read_options(config: pytest.Config) -> Options:
    """The options of this session.

    Raises:
        pytest.UsageError: A value is not accepted; the message says where it was set and what is.
    """
    flag, ini = config.getoption("llmcontract_edition"), config.getini("llmcontract_edition")
    for value, where in ((flag, "--llmcontract-edition"), (ini, "llmcontract_edition (ini)")):
        if value:
            _some_edition(value, where)
    return Options(
        edition_flag=flag or None,
        edition_ini=ini or None,
        guard=chosen_guard(config),
        retires_within=_days("llmcontract_retires_within", config.getini("llmcontract_retires_within")),
        seed=_seed(config),
        requests_per_call=_number("llmcontract_requests_per_call", config),
        attempts_per_call=_number("llmcontract_attempts_per_call", config),
        selection=_selection(config),
        record_flag=config.getoption("llmcontract_record"),
        record_ini=_chosen(config, "record"),
        source_flag=config.getoption("llmcontract_source"),
        source_ini=_chosen(config, "source"),
        expire_after=_expire_after(config.getini("llmcontract_expire_after")),
        on_expiry=_on_expiry(config.getini("llmcontract_on_expiry")),
        unplayed=config.getoption("llmcontract_unplayed") or _chosen(config, "unplayed") or "warning",
        budget=_budget(config),
        reports=_reports(config),
    )


def chosen_guard(config: pytest.Config) -> Guard:
    """Which calls are stopped; also before conftests are loaded.

    Raises:
        pytest.UsageError: The ini key has a value that is not accepted.
    """
    flag = getattr(config.known_args_namespace, "llmcontract_guard", None)
    mode = flag or _chosen(config, "guard") or "fixture"
    return Guard(cast("Any", mode), config.getini("llmcontract_allow_hosts"))


def chosen_redirect(config: pytest.Config) -> bool:
    """Whether clients that no patch reaches are led to the simulation; also before conftests are loaded.

    Raises:
        pytest.UsageError: The ini key has a value that is not accepted.
    """
    flag = getattr(config.known_args_namespace, "llmcontract_redirect", None)
    return (flag or _chosen(config, "redirect")) == "on"


def lay_facts_over(config: pytest.Config) -> None:
    """``llmcontract_facts``: models of the project's own, for this session.

    Raises:
        pytest.UsageError: The file is not there, or a record of it is wrong.
    """
    file = config.getini("llmcontract_facts")
    if not file:
        return
    from pytest_llmcontract.core.errors import LlmContractError
    from pytest_llmcontract.core.facts.laid import lay_over

    try:
        config.add_cleanup(lay_over(config.rootpath / file))
    except LlmContractError as problem:
        raise pytest.UsageError(f"llmcontract_facts (ini): {problem}") from None


def _budget(config: pytest.Config) -> Mapping[str, Decimal] | None:
    flag, ini = config.getoption("llmcontract_budget"), config.getini("llmcontract_budget")
    if not (flag or ini):
        return None
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.workload.budget import session_budget

    try:
        return session_budget(flag or ini, "--llmcontract-budget" if flag else "llmcontract_budget (ini)")
    except BadInput as problem:
        raise pytest.UsageError(str(problem)) from None


def _reports(config: pytest.Config) -> tuple[Path, ...]:
    """Whole paths: a test may change the directory. Those of ini files are seen from the root directory."""
    flag, ini = config.getoption("llmcontract_report"), config.getini("llmcontract_report")
    folder = config.invocation_params.dir if flag else config.rootpath
    return tuple(dict.fromkeys(folder / path for path in flag or ini or ()))


def _chosen(config: pytest.Config, name: str) -> str | None:
    """The ini key *name*, whose values are those of its flag."""
    value: str | None = config.getini(f"llmcontract_{name}") or None
    accepted = _FLAGS[name]["choices"]
    if value is not None and value not in accepted:
        raise pytest.UsageError(f"llmcontract_{name} = {value!r} (ini): accepted are {', '.join(accepted)}")
    return value


def _some_edition(day: str, where: str) -> None:
    """Any provider will do: a test that asks for one without an edition so old gets its own error."""
    refusals = []
    for provider in provider_names():
        try:
            edition_in_force(provider, day, where)
        except pytest.UsageError as refusal:
            refusals.append(refusal)
    if len(refusals) == len(provider_names()):
        raise refusals[0]


def editions_in_force(day: str | None) -> str:
    """``groq 2026-10-01, together 2026-08-31``; a provider without an edition so old is left out."""
    found = []
    for provider in provider_names():
        with suppress(pytest.UsageError):
            found.append(f"{provider} {edition_in_force(provider, day)}")
    old = [] if day else [told for provider in provider_names() if (told := old_facts(provider))]
    return "; ".join([", ".join(found), *old])


def _expire_after(text: str) -> int:
    if not text:
        return 0
    from pytest_llmcontract.core.age import days_of
    from pytest_llmcontract.core.errors import BadInput

    try:
        return days_of(text, "llmcontract_expire_after (ini)")
    except BadInput as problem:
        raise pytest.UsageError(str(problem)) from None


def _on_expiry(text: str) -> str:
    accepted = ("warn", "fail", "rerecord")
    if text and text not in accepted:
        raise pytest.UsageError(f"llmcontract_on_expiry = {text!r} (ini): accepted are {', '.join(accepted)}")
    return text or "warn"


def _seed(config: pytest.Config) -> int:
    flag, ini = config.getoption("llmcontract_seed"), config.getini("llmcontract_seed")
    text, where = (flag, "--llmcontract-seed") if flag is not None else (ini or "0", "llmcontract_seed (ini)")
    if text == "random":
        # One for the whole session, whatever process of it a test runs in.
        os.environ.setdefault(_SEED, str(int.from_bytes(os.urandom(3), "big")))
        text = os.environ[_SEED]
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20):
        raise pytest.UsageError(f"{where} = {text!r}: accepted is a whole number, or random")
    return int(text)


def _number(key: str, config: pytest.Config) -> int:
    text = str(config.getini(key)).strip()
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 100_000):
        raise pytest.UsageError(f"{key} = {text!r} (ini): accepted is a number of requests, 1 to 99999")
    return int(text)


def _days(key: str, value: str) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise pytest.UsageError(f"{key} = {value!r} (ini): accepted is a number of days, 0 to 99999")
    return int(text)


def _selection(config: pytest.Config) -> Selection | None:
    """What is selected and ignored; where nothing is said of it, nothing is imported for it either."""
    select, ignore = config.getoption("llmcontract_select"), config.getoption("llmcontract_ignore")
    keys = ("llmcontract_select", "llmcontract_ignore", "llmcontract_per_path_ignores")
    if select is None and ignore is None and not any(config.getini(key) for key in keys):
        return None
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.findings.selection import read_selection

    try:
        return read_selection(select, ignore, config.getini, root=str(config.rootpath), flag="--llmcontract-")
    except BadInput as problem:
        raise pytest.UsageError(str(problem)) from None


def edition_in_force(provider: str, day: str | None, where: str = "edition") -> str:
    """The date of the edition that *day* means for *provider*; without loading its facts.

    Raises:
        pytest.UsageError: *day* is no date, or before the first edition.
    """
    dates = [str(known) for known in edition_days(provider)]
    if day is None:
        return dates[-1]
    try:
        wanted = date.fromisoformat(day).isoformat()
    except ValueError:
        raise pytest.UsageError(f"{where} = {day!r} is no date; accepted is YYYY-MM-DD, such as {dates[-1]}") from None
    earlier = [known for known in dates if known <= wanted]
    if not earlier:
        raise pytest.UsageError(f"{where} = {day!r}: the first {provider} edition is {dates[0]}")
    return earlier[-1]


def marker_settings(node: pytest.Item, name: str) -> tuple[dict[str, Any], str]:
    """The keywords of all *name* markers of a test, the nearest winning, and where they stand.

    Raises:
        BadInput: A marker has positional arguments that it does not take.
    """
    from pytest_llmcontract.core.errors import BadInput

    merged: dict[str, Any] = {}
    places = []
    for owner, marker in reversed(list(node.iter_markers_with_node(name))):
        place = f"marker {name} at {owner.nodeid}"
        places.append(place)
        given = dict(zip(_POSITIONAL.get(name, ()), marker.args, strict=False))
        if len(given) < len(marker.args) or given.keys() & marker.kwargs.keys():
            what = "one path is accepted, and keywords" if name in _POSITIONAL else "only keywords are accepted"
            raise BadInput(f"{name}{marker.args!r}: {what}: {name}({signature_of(name)}) ({place})")
        merged |= {**given, **marker.kwargs}
    return merged, "; ".join(reversed(places))


def keyword_places(node: pytest.Item, name: str) -> dict[str, str]:
    """Where each keyword of the *name* markers of a test stands that counts: the nearest."""
    places: dict[str, str] = {}
    for owner, marker in node.iter_markers_with_node(name):
        for keyword in marker.kwargs:
            places.setdefault(keyword, f"marker {name} at {owner.nodeid}")
    return places


def allowed_codes(node: pytest.Item) -> frozenset[str]:
    """The codes that ``llm_allow`` turns into notes for this test.

    Raises:
        BadInput: A code is not known.
    """
    if not node.get_closest_marker("llm_allow"):
        return frozenset()
    from pytest_llmcontract.core.errors import BadInput, unknown
    from pytest_llmcontract.core.findings.rules import RULES

    codes: set[str] = set()
    for owner, marker in node.iter_markers_with_node("llm_allow"):
        place = f"marker llm_allow at {owner.nodeid}"
        if marker.kwargs or not marker.args:
            raise BadInput(f'llm_allow takes codes: llm_allow("LLM101", …) ({place})')
        for code in cast("Iterable[Any]", marker.args):
            if code not in RULES:
                raise unknown("code", code, RULES, where=place)
            codes.add(code)
    return frozenset(codes)
