"""How much is drawn, and that it is slow to draw: never a health check by the clock."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

EXAMPLES = int(os.environ.get("LLMCONTRACT_EXAMPLES", "10"))
"""Of each operation; by hand 1,000."""

drawn = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="LLMCONTRACT_EXAMPLES" not in os.environ,  # what has not changed does not fail one day
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
