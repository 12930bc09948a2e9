"""The battery on a client of any language: a command, started once for each behaviour, that calls a server of ours.

What it is given and what is expected of it is told in docs/battery.md. Time is real: another process really sleeps.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_llmcontract.battery.staging import UNSUITED, Staged
from pytest_llmcontract.core.attention import Attention
from pytest_llmcontract.core.battery.behaviours import Behaviour
from pytest_llmcontract.core.battery.verdict import MOST_REQUESTS, Observed, Verdict, judge, not_applicable
from pytest_llmcontract.core.child import env_of_child
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.serving.connections import strikes_too_late
from pytest_llmcontract.serving.running import listening, server_of
from pytest_llmcontract.serving.scopes import Scope, Scopes

PROMPT = "Say hello."
_LOOKS = 0.02
"""Real seconds between two looks at a process."""
_ACCIDENT = re.compile(
    r"^(?:Uncaught )?(AttributeError|IndexError|KeyError|NameError|ReferenceError|TypeError|UnboundLocalError"
    r"|panic|thread '.*' panicked|Segmentation fault)\b",
    re.MULTILINE,
)
"""An error that nobody raised on purpose, as interpreters and runtimes write it."""
_NAMED = re.compile(r"(?:\w+\.)*(\w+(?:Error|Exception|Timeout))\b")
"""The line of an error with a name: ``groq.RateLimitError: …``."""


class Failed(Exception):
    """The command said that it failed."""


class Crashed(TypeError):
    """The command fell over an error that nobody raised on purpose."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A client outside of this process."""

    command: str
    provider: str
    fallbacks: Sequence[str] = ()
    streams: bool = False
    expect: Mapping[str, Sequence[str]] = field(default_factory=dict)
    patience: float = 150.0
    """Real seconds after which it hangs."""


@contextmanager
def served(scopes: Scopes) -> Iterator[str]:
    """The address of a server over *scopes* while this lasts.

    Raises:
        BadInput: uvicorn is not installed.
    """
    server = server_of(scopes, log_level="critical")
    with listening("127.0.0.1", 0) as there:
        thread = threading.Thread(target=server.run, args=([there],), name="llmcontract-battery", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{there.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def verdict_on(client: Outside, behaviour: Behaviour, scopes: Scopes, address: str) -> Verdict:
    """Start the command once, and say what is to be said of it; the scope is named as the behaviour.

    Raises:
        BadInput: The command cannot be started.
    """
    scope = scopes.named(behaviour.id)
    if behaviour.stream and not client.streams:
        verdict = not_applicable(behaviour, client.provider, client.command, "the command does not stream: --stream")
    elif reason := _impossible(behaviour, client.provider):
        verdict = not_applicable(behaviour, client.provider, client.command, reason)
    else:
        verdict = _judged(client, behaviour, scope, f"{address}/t/{behaviour.id}")
    scope.world.journal.verdicts.append(verdict)
    return verdict


def _impossible(behaviour: Behaviour, provider: str) -> str:
    """Why it cannot happen to who has reached a server; "": it can."""
    scripted = (given for fault in behaviour.faults_of(provider) for given in fault.values())
    return next(filter(None, map(strikes_too_late, scripted)), "")


def _judged(client: Outside, behaviour: Behaviour, scope: Scope, address: str) -> Verdict:
    api = scope.providers[client.provider]
    others = [scope.providers[name] for name in client.fallbacks if name in scope.providers]
    staged = Staged(behaviour, api, others)
    done = _run(client, behaviour, scope, address)
    staged.withdraw()
    api.judge()
    calls = scope.world.journal.calls
    if not calls:
        raise BadInput(f"--command {client.command!r} asked nothing of {client.provider} at {address}{done.excuse}")
    if staged.unsuited(calls):
        return not_applicable(behaviour, client.provider, client.command, UNSUITED)
    if not staged.struck:
        reason = f"what happens met none of its requests ({len(calls)})"
        return not_applicable(behaviour, client.provider, client.command, reason)
    if done.stopped == "hangs" and (left := _told_to_wait(scope, calls)) > 0:
        enough = f"--patience {client.patience + left:.0f} sees more"
        reason = f"it waits as it was told to, for another {left:.0f} s; {enough}"
        return not_applicable(behaviour, client.provider, client.command, reason)
    text, finish = _answer(done.out)
    observed = Observed(
        calls=calls,
        seconds=done.seconds,
        answers=staged.answers,
        text=text,
        finish=finish,
        error=done.error,
        stopped=done.stopped,
    )
    # A whole command is the client: its real deadline is the only one.
    behaviour = behaviour.model_copy(update={"deadline": client.patience})
    expect, fallbacks = client.expect.get(behaviour.id, ()), bool(client.fallbacks)
    return judge(behaviour, client.provider, client.command, observed, expect=expect, fallbacks=fallbacks)


def _told_to_wait(scope: Scope, calls: Sequence[Call]) -> float:
    """Seconds that the last refusal told it to wait, and that have not passed."""
    last = calls[-1]
    asked = last.reply.retry_after if last.reply and last.status != 200 else None
    return 0.0 if asked is None else last.at + last.took + asked - scope.world.clock.seconds


def _answer(out: str) -> tuple[str, str]:
    """The text that a command printed, and the finish_reason that it told; a JSON object may say both."""
    try:
        said = json.loads(out)
    except ValueError:
        return out, ""
    if isinstance(said, dict) and "text" in said:
        return str(said["text"] or ""), str(said.get("finish_reason") or "")
    return out, ""


# A process.


@dataclass(frozen=True)
class _Done:
    out: str
    error: Exception | None
    stopped: str
    seconds: float

    @property
    def excuse(self) -> str:
        return f"; it failed: {self.error}" if self.error else "; does it take its address from the environment?"


def _run(client: Outside, behaviour: Behaviour, scope: Scope, address: str) -> _Done:
    given = json.dumps({"prompt": PROMPT, "stream": behaviour.stream}) + "\n"
    environ = {
        **env_of_child(address, os.environ),
        "LLMCONTRACT_BASE_URL": f"{address}/{client.provider}",
        "LLMCONTRACT_PROVIDER": client.provider,
        "LLMCONTRACT_BEHAVIOUR": behaviour.id,
    }
    began = time.monotonic()
    with TemporaryDirectory(prefix="llmcontract-") as folder:
        # Files, not pipes: nobody has to read along, and what a killed process had written is there.
        said, out, err = (Path(folder, name) for name in ("in", "out", "err"))
        said.write_text(given, "utf-8")
        with said.open("rb") as stdin, out.open("wb") as stdout, err.open("wb") as stderr:
            process = _started(client.command, environ, stdin=stdin, stdout=stdout, stderr=stderr)
            stopped = _wait(process, scope, client.patience)
        seconds = time.monotonic() - began
        text, complaint = (path.read_text("utf-8", "replace") for path in (out, err))
    failed = process.returncode != 0 and not stopped
    return _Done(text.strip(), _error(process.returncode, complaint) if failed else None, stopped, seconds)


def _started(command: str, environ: Mapping[str, str], **streams: object) -> subprocess.Popen[bytes]:
    try:
        arguments = shlex.split(command)
        return subprocess.Popen(arguments, env=dict(environ), start_new_session=True, **streams)  # type: ignore[call-overload,no-any-return]
    except (OSError, ValueError, IndexError) as problem:
        raise BadInput(f"--command {command!r} cannot be started: {problem}") from None


def _wait(process: subprocess.Popen[bytes], scope: Scope, patience: float) -> str:
    """Why the process was stopped: it ``hangs``, or ``storms``; empty where it ended by itself."""
    stopped, attention = "", Attention(time.monotonic)
    while process.poll() is None and not stopped:
        if attention.look() > patience:
            stopped = "hangs"
        elif len(scope.world.journal.calls) > MOST_REQUESTS:
            stopped = "storms"
        else:
            time.sleep(_LOOKS)
    if stopped:
        _kill(process)
        process.wait()
    return stopped


def _kill(process: subprocess.Popen[bytes]) -> None:
    """And what it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _error(code: int, complaint: str) -> Exception:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    if accident := _ACCIDENT.search(complaint):
        return Crashed(complaint[accident.start() :].splitlines()[0])
    named = [found[1] for line in lines if (found := _NAMED.match(line))]
    kind: type[Failed] = type(named[-1], (Failed,), {}) if named else Failed
    return kind(f"exit code {code}{f': {lines[-1]}' if lines else ''}")
