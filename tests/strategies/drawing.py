"""How much is drawn, the same every time."""

from __future__ import annotations

import os

from hypothesis import Phase, settings

EXAMPLES = int(os.environ.get("LLMCONTRACT_EXAMPLES", "10"))
"""Of each operation; by hand 1,000."""

drawn = settings(
    max_examples=EXAMPLES,
    database=None,
    derandomize="LLMCONTRACT_EXAMPLES" not in os.environ,  # what has not changed does not fail one day
    phases=[Phase.generate],
)
