"""A method of another library's class that is replaced while a user's model runs, for the thread that asks alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ObservedMethod(Generic[T]):
    """A method with an observer, which is known to the calls of this thread.

    Args:
        owner: class that has the method. name: of the method.

    Attributes:
        original: the method as its library has it.
    """

    def __init__(self, owner: Any, name: str):
        self._owner, self._name = owner, name
        self.original: Callable[..., Any] = getattr(owner, name)
        self._observer: ContextVar[T | None] = ContextVar(name, default=None)
        self._lock = threading.Lock()
        self._users = 0

    @property
    def observer(self) -> T | None:
        """The observer of this thread, or None."""
        return self._observer.get()

    @contextmanager
    def replaced(self, replacement: Callable[..., Any], observer: T) -> Iterator[T]:
        """Context manager in which a replacement is called instead, and finds this observer; it yields the observer."""
        with self._lock:
            self._users += 1
            setattr(self._owner, self._name, replacement)
        token = self._observer.set(observer)
        try:
            yield observer
        finally:
            self._observer.reset(token)
            with self._lock:
                self._users -= 1
                if not self._users:
                    setattr(self._owner, self._name, self.original)
