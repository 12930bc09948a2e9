"""What loading the plugin adds to pytest's start: CPU time of its import after pytest's, in fresh processes.

    python benchmarks/bench_import.py [--runs 9]

Beside it, in the same run, respx's own pytest plugin, which comes along as a dependency; ``-p no:respx`` leaves it out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from tempfile import TemporaryDirectory

CODE = "import pytest, time; began = time.process_time(); import {module}; print((time.process_time() - began) * 1000)"


def milliseconds(module: str, runs: int) -> float:
    """Median over *runs* processes; one before them writes the byte code."""
    command = [sys.executable, "-c", CODE.format(module=module)]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryDirectory() as elsewhere:
        done = [
            subprocess.run(command, check=True, capture_output=True, env=kept, cwd=elsewhere) for _ in range(runs + 1)
        ]
    times = [float(process.stdout) for process in done]
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    for module in ("pytest_llmcontract.plugin", "respx.plugin"):
        print(f"{module:28} {milliseconds(module, runs):7.1f} ms")


if __name__ == "__main__":
    main()
