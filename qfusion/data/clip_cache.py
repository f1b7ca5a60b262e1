"""Results of recordings in the cache: each is computed once, also if several sessions need it at a time."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from qfusion import _user_folders
from qfusion.data import array_cache
from qfusion.data.clips import file_state
from qfusion.data.decoder_messages import TooMuchWork
from qfusion.data.sample_content import Clip


def clip_key(clip: Clip) -> str:
    """Return the key of a clip in the cache: of its path, the state of the file, and the seconds that it takes."""
    # the number is raised when the same recording begins to give something else
    return array_cache.cache_key(
        map(str, (2, clip.path, *file_state(clip.path), clip.start, clip.end))
    )


def bound_cache(most: int = 2**30) -> None:
    """Remove the cached results of recordings that have not been used for longest, until at most `most` bytes are
    left.
    """
    array_cache.bound(_user_folders.cache_root() / "clips", most)


MAX_REFUSALS = 1000  # that are remembered


class _NamedLock:
    """Lock held while a file is made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_locks: WeakValueDictionary[str, _NamedLock] = WeakValueDictionary()
_locks_guard = threading.Lock()
_refusals: OrderedDict[str, str] = OrderedDict()  # what took too much work, and why


@contextmanager
def run_once(name: str) -> Iterator[None]:
    """Context manager that waits while another thread makes the file of a name. Files that take too much work are
    remembered and not tried again. Names depend on the content of the source file, so that a repaired file is read
    anew.

    Raises:
        TooMuchWork: that was raised when it was to be made.
    """
    with _locks_guard:
        maker = _locks.setdefault(name, _NamedLock())
    with maker.lock:
        check_not_refused(name)
        try:
            yield
        except TooMuchWork as error:
            _refusals[name] = str(error)
            while len(_refusals) > MAX_REFUSALS:
                _refusals.popitem(last=False)
            raise


def check_not_refused(name: str) -> None:
    """Raise the `TooMuchWork` that an earlier attempt at a result has raised."""
    refusal = _refusals.get(name)
    if refusal is not None:
        raise TooMuchWork(refusal)
