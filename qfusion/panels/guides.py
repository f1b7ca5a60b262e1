"""Parameters of an address that lead the reader and draw nothing: the tour, words."""

GUIDES = ("tour", "words")


def is_guide(key: str) -> bool:
    """Return whether a parameter guides the reader."""
    return key in GUIDES
