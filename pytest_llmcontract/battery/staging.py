"""Puts one behaviour onto simulated providers: its faults, and the whole answer behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.battery.answer import ANSWER, REFUSAL, part_of, pieces_of, words_of
from pytest_llmcontract.core.call.script import Script
from pytest_llmcontract.core.exchange import ApiRequest

if TYPE_CHECKING:
    from pytest_llmcontract.core.battery.behaviours import Behaviour
    from pytest_llmcontract.core.ledger import Call
    from pytest_llmcontract.simulated_provider import SimulatedProvider

UNSUITED = "what the model is to say is no answer to what it asks for"


class Staged:
    """A behaviour on *api*; all that *others* do is answer.

    Args:
        structured: The whole answer of a client that asks for an object; default a text.
        heard: Called with each request, before anybody answers it.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        api: SimulatedProvider,
        others: Sequence[SimulatedProvider] = (),
        *,
        structured: Mapping[str, Any] | None = None,
        heard: Callable[[ApiRequest], object] = lambda request: None,
    ) -> None:
        self._heard = heard
        self._strikes = behaviour.strikes
        self._asked_first: Any = None
        self._answer = words_of(structured) if structured else ANSWER
        self._answers = [self._answer]
        self._scripts: list[tuple[SimulatedProvider, Script]] = []
        self._faults: list[Script] = []
        for fault in behaviour.faults_of(api.name):
            [(method, keywords)] = fault.items()
            self._put(api, method, keywords)
        for one in (api, *others):
            content = {"structured": structured} if structured else {"content": pieces_of(ANSWER)}
            self._scripts.append((one, one.reply(**content, when=self._is_asked, times=None)))

    @property
    def answers(self) -> tuple[str, ...]:
        """What is a whole answer."""
        return tuple(self._answers)

    @property
    def struck(self) -> bool:
        """Whether every fault met somebody, where it was to meet one."""
        return all(script.calls for script in self._faults)

    def unsuited(self, calls: Iterable[Call]) -> bool:
        """Whether an answer of ours is none to what the client asks; then it is no finding about the client either."""
        found = False
        for call in calls:
            kept = [finding for finding in call.violations if finding.code != "LLM201"]
            found |= len(kept) < len(call.violations)
            call.violations[:] = kept
        return found

    def withdraw(self) -> None:
        """The call is over."""
        for api, script in self._scripts:
            api.simulator.state.scripts.withdraw(script)

    def _put(self, api: SimulatedProvider, method: str, keywords: Mapping[str, Any]) -> None:
        given = {name: self._filled(value) for name, value in keywords.items()}
        script = getattr(api, method)(**given)
        if script is not None:  # else it is a limit, which meets whoever comes
            api.simulator.state.scripts.narrow(script, self._is_struck)
            self._faults.append(script)
            self._scripts.append((api, script))

    def _filled(self, value: Any) -> Any:
        if value == "{refusal}":
            self._answers.append(REFUSAL)
            return pieces_of(REFUSAL)
        return pieces_of(part_of(self._answer)) if value == "{part}" else value

    def _is_asked(self, request: ApiRequest) -> bool:
        """Whether *request* asks a model something."""
        self._heard(request)
        return isinstance(request.json, dict) and "model" in request.json

    def _is_struck(self, request: ApiRequest) -> bool:
        if not self._is_asked(request):
            return False
        whom = {"model": ("model",), "tier": ("model", "service_tier")}.get(self._strikes, ())
        asked = [request.json.get(name) for name in whom]
        if self._asked_first is None:
            self._asked_first = asked
        return bool(asked == self._asked_first)
