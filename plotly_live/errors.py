"""The error of this package."""


class LiveError(ValueError):
    """An argument that cannot be used. The message names it, what was seen, and what to do."""


def check(condition: object, message: str) -> None:
    """Raise LiveError with a message unless a condition holds."""
    if not condition:
        raise LiveError(message)
