"""What holds for every simulation of this process, those of wider scope and of ``simulate()`` included.

The plugin sets it from flags and ini when pytest starts; outside pytest the defaults hold. A plain class: this module
is imported at each start of pytest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.ledger import Call
    from pytest_llmcontract.core.rules import Violation
    from pytest_llmcontract.core.selection import Selection
    from pytest_llmcontract.core.workload.budget import BudgetLine

STARTED_IN = os.getcwd()
"""The folder in which the process began: a test may have changed it before anything else of ours is loaded."""


class Watch:
    """What happened in one test, for whoever looks at it afterwards: its simulations may have been left by then."""

    def __init__(self) -> None:
        self.journal: list[Call] = []
        """Every call to any provider, in order."""
        self.editions: dict[str, date] = {}
        """Provider -> the edition that answered last."""
        self.clock: VirtualClock | None = None
        self.found: list[Violation] = []
        """As the test counts it."""
        self.held: list[BudgetLine] = []
        """The test's budget beside what was used of it, once the test is over."""

    def begin_test(self) -> None:
        """Another test begins; those who note calls here keep doing so."""
        self.journal.clear()
        self.found, self.held = [], []


class Session:
    """The settings of one process."""

    retires_within = 30
    """Days before its retirement from which the use of a model is LLM108; 0: never."""
    edition: str | None = None
    """The day whose facts hold where a simulation names none."""
    assumed_output: int | None = None
    """Tokens of a completion that the simulator makes up; ``None``: as long as what it made up."""
    record_flag: str | None = None
    record_ini: str | None = None
    source_flag: str | None = None
    source_ini: str | None = None
    """What may be recorded, and who answers it, where it says so."""
    guard = True
    """Whether calls to providers that are not simulated are stopped."""
    selection: Selection | None = None
    """Which rules count; ``None``: all."""
    watch: Watch | None = None
    """Looks at the test under way; ``None``: each simulation has its own."""


SESSION = Session()
