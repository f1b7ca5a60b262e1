"""Names of runs and sweeps."""

import re

from qfusion._checks import check
from qfusion.training import checkpoint_cards

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> str:
    """Return the name of a run or a sweep if it can be one.

    Raises:
        InvalidInput: when it cannot.
    """
    check(
        bool(NAME.fullmatch(name)),
        f"Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-' and begin with a letter or "
        f"digit, but is {name[:80]!r}. Choose another name.",
    )
    return name


def check_free(name: str) -> None:
    """Raise InvalidInput when a run's model cannot be called that: it is no name, or that of a model."""
    check_name(name)
    check(
        not name.lower().endswith((".json", ".safetensors")),
        f"Argument `name` must not end as the files of models do, but is {name!r}. Choose another name.",
    )
    check(
        name not in checkpoint_cards.available(),
        f"A model called {name!r} is there already. Choose another name.",
    )
