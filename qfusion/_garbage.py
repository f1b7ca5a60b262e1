"""Python's garbage collector while modules are imported.

Imports create hundreds of thousands of objects that live as long as the process. Each of the collector's passes looks
at all of them and frees next to nothing: passes took a fifth of the time in which the dashboard loads.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

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
