"""Whether this process may write runs, models and data sets.

Every function that creates, changes or removes one of them calls `check_allowed` first, whoever called it. The command
line and Python may write. A server of the dashboard may not, except for the readers whom `app.requests` admits.
"""

from collections.abc import Callable

from qfusion._checks import check

_rule: list[Callable[[], bool]] = [lambda: False]


def set_rule(is_read_only: Callable[[], bool]) -> None:
    """Set the function that decides, at every question, whether this process is read-only."""
    _rule[0] = is_read_only


def is_read_only() -> bool:
    """Return whether nothing may be written now, on behalf of the reader whose page runs if there is one."""
    return _rule[0]()


def check_allowed(action: str) -> None:
    """Raise InvalidInput if nothing may be written.

    Args:
        action: the action to be refused, such as "train a model".
    """
    check(
        not is_read_only(),
        f"This server is read-only: it does not {action}. Run qfusion on a machine of your own for that.",
    )
