"""Every field of a fact is read somewhere: what data says and code ignores would look true, and be so by chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest_llmcontract

PACKAGE = Path(pytest_llmcontract.__file__).parent
ROOT = "Fact"
"""The class of all records of the data files."""

READ_BY_NOBODY: set[str] = set()
"""What still waits for its reader. It only gets shorter."""


@cache
def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")]


def fact_fields(modules: list[ast.Module]) -> Iterator[str]:
    """``Class.field`` of every class that is a fact, directly or not."""
    classes = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    bases = {each.name: {ast.unparse(base).split(".")[-1] for base in each.bases} for each in classes}
    for each in classes:
        if is_fact(each.name, bases):
            names = (ast.unparse(line.target) for line in each.body if isinstance(line, ast.AnnAssign))
            yield from (f"{each.name}.{name}" for name in names)


def is_fact(name: str, bases: Mapping[str, set[str]]) -> bool:
    return ROOT in bases.get(name, set()) or any(is_fact(base, bases) for base in bases.get(name, ()) if base != name)


def read_names(modules: list[ast.Module]) -> set[str]:
    """Every name that something is asked for by: an attribute, or the key of what is no record yet."""
    return {name for module in modules for node in ast.walk(module) for name in asked_for(node)}


def asked_for(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.attr
    elif isinstance(node, ast.Subscript):
        yield from literals([node.slice])
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".get"):
        yield from literals(node.args[:1])


def literals(nodes: list[ast.expr]) -> Iterator[str]:
    yield from (str(node.value) for node in nodes if isinstance(node, ast.Constant))


def unread(modules: list[ast.Module]) -> set[str]:
    read = read_names(modules)
    return {field for field in fact_fields(modules) if field.partition(".")[2] not in read}


def test_every_field_of_every_fact_is_read():
    assert unread(trees()) == READ_BY_NOBODY


def test_the_check_itself_sees_what_nobody_reads():
    """In a class of a class too; setting is not reading."""
    module = ast.parse(
        "class Dated(Fact):\n    since: Date\n    until: Date\n"
        "class Price(records.Dated):\n    hour: int\n    day: int\n    week: int\n    month: int\n"
        "class Other:\n    never: int\n"
        "print(price.since, price.hour, row['week'], row.get('month'))\nprice.day = 3\n"
    )

    assert unread([module]) == {"Dated.until", "Price.day"}
