"""``llmcontract scan`` over 1,000 files, against reading and parsing them: ``python benchmarks/bench_scan.py``.

The files are this package's own, under other names, so that some hold ids, most do not, and all are of a usual length.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest_llmcontract

PACKAGE = Path(pytest_llmcontract.__file__).parent


def tree(folder: Path, count: int) -> None:
    """*count* files, of ours in turn."""
    sources = sorted(PACKAGE.rglob("*.py"))
    for number in range(count):
        source = sources[number % len(sources)]
        (folder / f"f{number}.py").write_bytes(source.read_bytes())


def seconds(action: object) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def parse(folder: Path) -> None:
    for file in folder.iterdir():
        ast.parse(file.read_bytes())


def scan(folder: Path) -> None:
    command = "import sys; from pytest_llmcontract.cli import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", command, "scan", str(folder)], stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree(folder, args.files)
        runs = [(seconds(lambda: scan(folder)), seconds(lambda: parse(folder))) for _ in range(args.rounds)]
    best_scan, best_parse = (min(run[index] for run in runs) for index in (0, 1))
    print(f"{args.files:,} files: scan {best_scan:.2f} s, with Python's start; ast.parse alone {best_parse:.2f} s")
    print(f"scan / ast.parse: {best_scan / best_parse:.2f}")


if __name__ == "__main__":
    main()
