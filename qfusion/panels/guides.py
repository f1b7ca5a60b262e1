"""Parameters of an address that lead the reader and draw nothing: the tour, a session file, words."""

GUIDES = ("tour", "load", "words")


def is_guide(key: str) -> bool:
    """Return whether a parameter guides the reader."""
    return key in GUIDES
