"""Where files of ours lie: inside an installed package, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]


def find_schemas() -> Path:
    """The folder of JSON Schemas: inside an installed package, beside it in a checkout."""
    packaged = PACKAGE / "schemas"
    return packaged if packaged.is_dir() else PACKAGE.parent / "schemas"


def find_rule_pages() -> Path:
    """The folder of the pages about rules: inside an installed package, among the documentation in a checkout."""
    packaged = PACKAGE / "rules"
    return packaged if packaged.is_dir() else PACKAGE.parent / "docs" / "rules"


def find_skill() -> Path:
    """The page for coding agents: inside an installed package, among the documentation in a checkout."""
    packaged = PACKAGE / "agents" / "SKILL.md"
    return packaged if packaged.is_file() else PACKAGE.parent / "docs" / "agents" / "SKILL.md"


def find_cassettes() -> Path:
    """The library of recordings: inside an installed package, beside it in a checkout."""
    packaged = PACKAGE / "cassettes"
    return packaged if packaged.is_dir() else PACKAGE.parent / "cassettes"
