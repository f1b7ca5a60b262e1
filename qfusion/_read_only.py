"""Read-only switch of a process. A read-only server for visitors shows everything, but does not train models, accept
files or remove anything.

The server sets the switch once when it starts (`QFUSION_READ_ONLY=1` or `qfusion app --read-only`). Every function that
writes runs, models or imported data sets calls `check_allowed` first, whichever page or message sent the request.
"""

import os

from qfusion._checks import check

READ_ONLY = "QFUSION_READ_ONLY"
_on = [False]


def wants_read_only() -> bool:
    """Return whether the environment variable asks for the read-only mode.

    Raises:
        InvalidInput: when the variable holds neither yes nor no.
    """
    words = os.environ.get(READ_ONLY, "").strip().casefold()
    check(
        words in ("", "0", "no", "false", "1", "yes", "true"),
        f"{READ_ONLY} must be 1 or 0, but is {words[:40]!r}.",
    )
    return words in ("1", "yes", "true")


def begin_read_only(on: bool = True) -> None:
    """Set the switch of this process."""
    _on[0] = on


def is_read_only() -> bool:
    """Return whether this process is read-only."""
    return _on[0]


def check_allowed(action: str) -> None:
    """Raise InvalidInput if this process is read-only.

    Args:
        action: the action to be refused, such as "train a model".
    """
    check(
        not _on[0],
        f"This server is read-only: it does not {action}. Run qfusion on a machine of your own for that.",
    )
