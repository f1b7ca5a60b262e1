"""What is loaded when it is first asked for: modules of packages, and libraries that take long."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any


def modules(package: str, path: Iterable[str]) -> Callable[[str], Any]:
    """Returns the `__getattr__` of a package by which its modules are loaded once they are asked for."""

    def get(name: str) -> Any:
        names = [module.name for module in pkgutil.iter_modules(path)]
        if name not in names:
            raise AttributeError(f"{package} has no module {name!r}; it has {', '.join(names)}")
        return importlib.import_module(f"{package}.{name}")

    return get


class Library:
    """A library that is loaded once something of it is asked for."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
