"""Whether this process leaves everything as it is: a server for visitors may show, and may not train, take files or
remove anything.

The switch is thrown once, by the server when it starts (`QFUSION_READ_ONLY=1`, `qfusion app --read-only`); every
function that writes runs, models or imported sets asks here first, whatever page or message brought the request.
"""

from __future__ import annotations

import os

from qfusion.errors import InvalidInput

VARIABLE = "QFUSION_READ_ONLY"
_on = [False]


def asked() -> bool:
    """Whether the environment asks for it.

    Raises:
        InvalidInput: when the variable holds neither yes nor no.
    """
    said = os.environ.get(VARIABLE, "").strip().casefold()
    if said not in ("", "0", "no", "false", "1", "yes", "true"):
        raise InvalidInput(f"{VARIABLE} must be 1 or 0, but is {said[:40]!r}.")
    return said in ("1", "yes", "true")


def begin(on: bool = True) -> None:
    """Throws the switch for this process."""
    _on[0] = on


def is_on() -> bool:
    """Whether this process writes nothing of that kind."""
    return _on[0]


def refuse(what: str) -> None:
    """Raises InvalidInput where this process is read-only.

    Args:
        what: is not done: "train a model".
    """
    if _on[0]:
        raise InvalidInput(
            f"This server is read-only: it does not {what}. Run qfusion on a machine of your own for "
            "that."
        )
