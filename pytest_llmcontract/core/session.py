"""What holds for every simulation of this process, those of wider scope and of ``simulate()`` included.

The plugin sets it from flags and ini when pytest starts; outside pytest the defaults hold. A plain class: this module
is imported at each start of pytest.
"""

from __future__ import annotations


class Session:
    """The settings of one process."""

    retires_within = 30
    """Days before its retirement from which the use of a model is LLM108; 0: never."""
    edition: str | None = None
    """The day whose facts hold where a simulation names none."""
    guard = True
    """Whether calls to providers that are not simulated are stopped."""


SESSION = Session()
