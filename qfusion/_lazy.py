"""Modules and libraries that are imported at their first use, and Python's garbage collector meanwhile.

Imports create hundreds of thousands of objects that live as long as the process. Each of the collector's passes looks
at all of them and frees next to nothing: passes took a fifth of the time in which the dashboard loads.
"""

import gc
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from qfusion._extras import describe_missing
from qfusion.errors import MissingPackage, translate_import_errors


def load(module: str) -> Any:
    """Import a module by its dotted name and return it.

    Raises:
        MissingPackage: when it needs a package that is not installed.
    """
    with translate_import_errors():
        return importlib.import_module(module)


def require(package: str) -> None:
    """Raise MissingPackage when a package is not installed; the package is not imported."""
    if importlib.util.find_spec(package) is None:
        raise MissingPackage(describe_missing(package))


def modules(
    package: str, path: Iterable[str], contents: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, which imports a module of it at its first use.

    Args:
        package: full name of the package.
        path: the folders of its modules.
        contents: functions, classes and values that are attributes of the package too, each with the full name of the
            module that defines it.
    """
    contents = contents or {}

    def get(name: str) -> Any:
        if name in contents:
            value = getattr(load(contents[name]), name)
            setattr(sys.modules[package], name, value)  # it is not asked for again
            return value
        if importlib.util.find_spec(f"{package}.{name}") is None:
            names = [module.name for module in pkgutil.iter_modules(path)]
            raise AttributeError(f"{package} has no module {name!r}; it has {', '.join(names)}")
        return load(f"{package}.{name}")

    return get


class Library:
    """A library that is imported when an attribute of it is first used."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(load(self._name), name)


RARE = 50_000  # new objects between two passes over the youngest; Python's own number is 700


def collect_rarely() -> None:
    """Let the collector run after more new objects than Python's default, for a process that mostly imports."""
    gc.set_threshold(RARE, *gc.get_threshold()[1:])


@contextmanager
def without_collection() -> Iterator[None]:
    """Import without the collector. Afterwards it runs again, and no longer looks at what exists then."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
