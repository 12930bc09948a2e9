"""Patches of libraries that come and go together, whole or not at all, whenever a library is imported."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Mapping
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

_ABSENT = object()


class Patches(MetaPathFinder):
    """What is replaced in some modules while it lasts.

    Args:
        modules: Name of a module -> what replaces something in it, by :meth:`replace`. A module that is imported later
            is patched then.
    """

    def __init__(self, modules: Mapping[str, Callable[[Any], None]]) -> None:
        self._modules = modules
        self._done: list[tuple[Any, str, Any, Any, Callable[[Any], Any]]] = []
        """Owner, name, what was there, what is there now, who made that of it."""
        self._lasts = False

    def start(self) -> None:
        """Replace everything; where something of it fails, nothing is replaced."""
        self._lasts = True
        try:
            sys.meta_path.insert(0, self)
            for name, patch_module in self._modules.items():
                if module := sys.modules.get(name):
                    patch_module(module)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Put everything back, but for what somebody else has covered: ours passes on."""
        self._lasts = False
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        while self._done:
            owner, name, before, ours, _ = self._done.pop()
            if owner.__dict__.get(name) is not ours:
                continue
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

    def replace(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        """Put ``wrap(what is there)`` in its place; what is inherited is wrapped where it is used."""
        there = owner.__dict__.get(name, _ABSENT)
        ours = wrap(getattr(owner, name) if there is _ABSENT else there)
        setattr(owner, name, ours)
        self._done.append((owner, name, there, ours, wrap))

    def raise_to_top(self) -> None:
        """Replace anew what somebody else has covered since."""
        last = {(id(owner), name): (owner, name, ours, wrap) for owner, name, _, ours, wrap in self._done}
        for owner, name, ours, wrap in last.values():
            if owner.__dict__.get(name) is not ours:
                self.replace(owner, name, wrap)

    # Imports.

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self._modules:
            return None
        # Those behind this one: another that waits for the same module would ask this one again, without end.
        behind = sys.meta_path[sys.meta_path.index(self) + 1 :] if self in sys.meta_path else sys.meta_path
        found = (finder.find_spec(name, path, target) for finder in behind if hasattr(finder, "find_spec"))
        spec = next(filter(None, found), None)
        loader: Any = spec.loader if spec else None
        if loader is not None:
            loader.exec_module = self._then_patch(loader.exec_module)
        return spec

    def _then_patch(self, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self._lasts:
                self._modules[module.__name__](module)

        return exec_module
