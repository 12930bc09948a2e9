"""Reading a YAML or JSON file that somebody else wrote: as plain data, with the line of every value, in bounded time.

A cassette comes from a pull request as often as from one's own machine. So nothing in it is executed, nothing is
made that the file does not hold (aliases that multiply, nesting without end), and whatever is wrong is one line that
names the file, the place and what was expected.

YAML is composed into nodes by PyYAML (libyaml where it is there) and built here: that is quicker than PyYAML's own
constructor, knows the line of each value without a second reading, and refuses depth while it reads. Refusing it
later would be too late: libyaml's composer overflows the stack, and the interpreter dies.
"""

from __future__ import annotations

import binascii
import gzip
import json
import os
import re
import stat
import zlib
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any, Protocol, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pytest_llmcontract.core.errors import BadInput

LARGEST_FILE = 64 * 2**20
"""Bytes, also of what a packed file or body unpacks to. Recordings of pictures and sound are large."""
MOST_PARTS = 1_000_000
"""Values in a YAML file: some ten thousand interactions."""
DEEPEST = 100
"""Levels of a document."""

EXPECTED = "expected a cassette as vcrpy writes it, YAML or JSON"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


class Places(Protocol):
    """Where in its file each part of a document stands."""

    def line(self, *keys: str | int) -> int:
        """The line, from 1, of what *keys* lead to; of the deepest that exists."""
        ...


def read_document(path: Path) -> tuple[Any, Places]:
    """The YAML or JSON document in *path*, which may be packed with gzip.

    Raises:
        BadInput: It cannot be read, is neither, or is larger or deeper than a recording would be.
    """
    text = _text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _json(path, text), _JsonPlaces(text)
    return _yaml(path, text)


# Bytes


def _text(path: Path) -> str:
    try:
        with open(path, "rb", opener=_opened) as stream:
            _check_regular(path, stream.fileno())
            content = stream.read(LARGEST_FILE + 1)
            if content[:2] == b"\x1f\x8b":
                stream.seek(0)
                content = gzip.GzipFile(fileobj=stream).read(LARGEST_FILE + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadInput(f"{path} is packed with gzip, and damaged; {EXPECTED}") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise BadInput(f"{path} is larger than {LARGEST_FILE // 2**20} MB: no recording")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: byte {content[error.start]:#04x} is not UTF-8; {EXPECTED}") from None


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(path: Path, descriptor: int) -> None:
    """A pipe may never say anything, a device never end."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise BadInput(f"{path} is no regular file, but a pipe, a socket or a device; {EXPECTED}")


# JSON


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise BadInput(f"{path} is nested too deeply; {EXPECTED}") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: no JSON: {error.msg}, column {error.colno}; {EXPECTED}") from None
    except ValueError as error:  # a number of thousands of digits
        raise BadInput(f"{path} is no JSON: {error}; {EXPECTED}") from None


class _JsonPlaces:
    """Finds places in a text that is known to be JSON; each object and list in it is gone through once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [end.start() for end in re.finditer("\n", text)]
        """Of the lines: to count them anew for each place would take the square of the size."""
        self._members: dict[int, dict[str | int, int]] = {}
        self._decoder = json.JSONDecoder()

    def line(self, *keys: str | int) -> int:
        at = self._skip(0)
        for key in keys:
            if at not in self._members:
                self._members[at] = dict(self._walk(at))
            if key not in self._members[at]:
                break
            at = self._members[at][key]
        return bisect_left(self._ends, at) + 1

    def _walk(self, at: int) -> Iterator[tuple[str | int, int]]:
        """Key or index of each member of what is at *at*, and where its value begins."""
        opening = self._text[at]
        if opening not in "[{":
            return
        at = self._skip(at + 1)
        for index in count():
            if self._text[at] in "]}":
                return
            name: str | int = index
            if opening == "{":
                name, at = self._decoder.raw_decode(self._text, at)
                at = self._skip(self._skip(at) + 1)
            yield name, at
            _, at = self._decoder.raw_decode(self._text, at)
            at = self._skip(at)
            if self._text[at] == ",":
                at = self._skip(at + 1)

    def _skip(self, at: int) -> int:
        """The next place that is no white space."""
        return _SPACE.match(self._text, at).end()  # type: ignore[union-attr]  # it always matches


_SPACE = re.compile(r"[ \t\r\n]*")


# YAML


def _yaml(path: Path, text: str) -> tuple[Any, Places]:
    try:
        loader = _Composer(path, text)
        try:
            root = _root(path, text, loader)
            value = None if root is None else _Builder(path, loader).build(root)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        where, problem = _where(path, text, error), _problem(error)
        if "nesting depth" in problem:  # newer versions of libyaml count for themselves
            raise BadInput(f"{where}: nested too deeply; {EXPECTED}") from None
        raise BadInput(f"{where}: no YAML: {problem}; {EXPECTED}") from None
    return value, _YamlPlaces(root)


def _root(path: Path, text: str, loader: Any) -> Node | None:
    """The document; where each is one of several exchanges (httpmock's), a list of them."""
    if not loader.check_node():
        return None
    first = loader.get_node()
    if not loader.check_node():
        return cast("Node", first)
    if not {"when", "then"} <= _names(first):
        read = text.split("\n")[: loader.peek_event().start_mark.line + 1]
        line = max((number for number, line in enumerate(read, 1) if line.startswith("---")), default=1)
        raise BadInput(f"{path}:{line}: no YAML: but found another document; {EXPECTED}")
    nodes = [first]
    while loader.check_node():
        nodes.append(loader.get_node())
    return SequenceNode(_SEQ, nodes, first.start_mark, nodes[-1].end_mark)


def _names(node: Node) -> set[str]:
    return (
        {name.value for name, _ in node.value if isinstance(name.value, str)}
        if isinstance(node, MappingNode)
        else set()
    )


class _YamlPlaces:
    def __init__(self, root: Node | None) -> None:
        self._root = root

    def line(self, *keys: str | int) -> int:
        node = self._root
        for key in keys:
            child = _child(node, key)
            if child is None:
                break
            node = child
        return node.start_mark.line + 1 if node else 1


def _child(node: Node | None, key: str | int) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(key, int):
        return node.value[key] if key < len(node.value) else None
    if isinstance(node, MappingNode):
        return next((value for name, value in reversed(node.value) if name.value == key), None)
    return None


class _Composer(_Loader):  # type: ignore[misc]
    """Makes nodes, and no more than :data:`MOST_PARTS` of them, nor deeper than :data:`DEEPEST`."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        # PyYAML calls these three for every node. As closures they take half the time of methods.
        self.descend_resolver, self.ascend_resolver = _bounds(path)
        self.resolve = _resolver(self.yaml_implicit_resolvers)


def _bounds(path: Path) -> tuple[Callable[[Node | None, Any], None], Callable[[], None]]:
    """What is called before and after a node. What they are there for in PyYAML is not in use."""
    depth = parts = 0

    def descend(parent: Node | None, index: Any) -> None:
        nonlocal depth, parts
        depth += 1
        parts += 1
        if depth > DEEPEST or parts > MOST_PARTS:
            line = parent.start_mark.line + 1 if parent else 1
            raise BadInput(f"{path}:{line}: nested too deeply, or of too many parts; {EXPECTED}")

    def ascend() -> None:
        nonlocal depth
        depth -= 1

    return descend, ascend


def _resolver(patterns: Mapping[str, Any]) -> Callable[[type[Node], str, tuple[bool, bool]], str]:
    """What a value without a tag is: PyYAML's own rule, without what is not in use."""

    def resolve(kind: type[Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is ScalarNode and implicit[0]:
            for tag, pattern in patterns.get(value[:1], ()):
                if pattern.match(value):
                    return str(tag)
            return _STR
        return _USUAL_TAGS[kind]

    return resolve


class _Builder:
    """Makes plain data of nodes. An alias gives the same object again; what all of them would expand to is bounded."""

    def __init__(self, path: Path, loader: Any) -> None:
        self._path = path
        self._loader = loader
        self._built: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._aliased = 0

    def build(self, node: Node) -> Any:
        if isinstance(node, ScalarNode) and len(node.value) < _SHORT:
            return node.value if node.tag == _STR else self._scalar(node)
        key = id(node)
        if key in self._built:
            return self._again(node)
        self._built[key] = _UNDER_WAY
        self._built[key] = value = self._anew(node)
        return value

    def _anew(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return node.value if node.tag == _STR else self._scalar(node)
        build = self.build
        if isinstance(node, SequenceNode) and node.tag in (_SEQ, _TUPLE):
            return [build(item) for item in node.value]
        if isinstance(node, MappingNode) and node.tag == _MAP:
            return {name.value if name.tag == _STR else self._key(name): build(value) for name, value in node.value}
        if node.tag in (_FILE, _ITERATOR):
            # What vcrpy writes for a request body that was an open file or an iterator.
            parts = {self._key(name): self.build(value) for name, value in node.value}
            content = parts.get("state" if node.tag == _FILE else "args")
            return content[0] if isinstance(content, list) and content else b""
        raise self._foreign(node)

    def _again(self, node: Node) -> Any:
        value = self._built[id(node)]
        if value is _UNDER_WAY:
            raise self._bad(node, "refers to itself")
        self._aliased += self._size(node)
        if self._aliased > LARGEST_FILE:
            raise self._bad(node, f"aliases make more than {LARGEST_FILE // 2**20} MB of it: no recording")
        return value

    def _size(self, node: Any) -> int:
        """Characters below *node*, with what aliases repeat there."""
        if isinstance(node, tuple):
            return sum(map(self._size, node))
        if isinstance(node, ScalarNode):
            return len(node.value) + 1
        if id(node) not in self._sizes:
            self._sizes[id(node)] = 1 + sum(map(self._size, node.value))
        return self._sizes[id(node)]

    def _key(self, node: Node) -> Hashable:
        if node.tag == _MERGE:
            raise self._bad(node, "merge keys ('<<') are not read; no recorder writes them")
        if not isinstance(node, ScalarNode):
            raise self._bad(node, "a key must be a text")
        key: Hashable = self.build(node)
        return key

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag in _TEXTS:
            return node.value
        if node.tag in _BINARIES:
            with suppress(ValueError, binascii.Error):
                return b64decode("".join(node.value.split()), validate=True)
            raise self._bad(node, "no base64, or not all of it")
        if node.tag not in _PLAIN:
            raise self._foreign(node)
        try:
            return self._loader.yaml_constructors[node.tag](self._loader, node)
        except (ValueError, KeyError, AttributeError):  # !!int x, 2026-99-99, a number of thousands of digits
            raise self._bad(node, f"{node.value[:40]!r} is no {node.tag.removeprefix(_TAG)}") from None

    def _foreign(self, node: Node) -> BadInput:
        tag = node.tag.replace(_TAG, "!!")
        if "python/object" in tag:
            return self._bad(
                node, f"{tag} is refused, and not executed: expected plain data, as vcrpy has written since version 1.0"
            )
        return self._bad(node, f"{tag} is not read; expected plain data")

    def _bad(self, node: Node, problem: str) -> BadInput:
        return BadInput(f"{self._path}:{node.start_mark.line + 1}: {problem}")


_STR, _SEQ, _MAP, _MERGE, _BINARY = (_TAG + name for name in ("str", "seq", "map", "merge", "binary"))
_SHORT = 256
"""Characters. What is shorter may be repeated: an alias takes as long to write."""
_UNDER_WAY = object()
_USUAL_TAGS: dict[type[Node], str] = {ScalarNode: _STR, SequenceNode: _SEQ, MappingNode: _MAP}
_TUPLE = f"{_TAG}python/tuple"
_TEXTS = {f"{_TAG}python/str", f"{_TAG}python/unicode", f"{_TAG}value", "!str"}
_BINARIES = {_BINARY, "!binary"}
"""The second is what Ruby writes."""
_FILE = f"{_TAG}python/object/new:_io.BytesIO"
_ITERATOR = f"{_TAG}python/object/apply:builtins.iter"
_PLAIN = {_TAG + name for name in ("null", "bool", "int", "float", "timestamp")}


def _where(path: Path, text: str, error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{path}:{error.problem_mark.line + 1}"
    position = getattr(error, "position", None)  # a character that YAML does not have
    return f"{path}:{text.count(chr(10), 0, position) + 1}" if isinstance(position, int) else str(path)


def _problem(error: yaml.YAMLError) -> str:
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else getattr(error, "reason", None)
    return " ".join(str(problem or error).split())[:120]


def plain_json(value: Any) -> bytes:
    """A value of a document as the JSON it was parsed from."""
    return json.dumps(value, ensure_ascii=False, default=_as_json).encode("utf-8", "surrogatepass")


def _as_json(value: object) -> object:
    if isinstance(value, date | datetime):  # YAML takes an unquoted date for one
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(type(value).__name__)
