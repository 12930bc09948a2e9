"""What holds for every simulation of this process, those of wider scope and of ``simulate()`` included.

The plugin sets it from flags and ini when pytest starts; outside pytest the defaults hold. A plain class: this module
is imported at each start of pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmcontract.core.selection import Selection


class Session:
    """The settings of one process."""

    retires_within = 30
    """Days before its retirement from which the use of a model is LLM108; 0: never."""
    edition: str | None = None
    """The day whose facts hold where a simulation names none."""
    assumed_output: int | None = None
    """Tokens of a completion that the simulator makes up; ``None``: as long as what it made up."""
    guard = True
    """Whether calls to providers that are not simulated are stopped."""
    selection: Selection | None = None
    """Which rules count; ``None``: all."""


SESSION = Session()
