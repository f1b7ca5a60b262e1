"""Columns of a table that are not features, by their names: row numbers, targets, and parts of the split.

A column is a number of the row when it has no name, also as pandas calls it (`Unnamed: 0`, `__index_level_0__`), when
pandas has saved it as the index of a Parquet file, or when it is called like an index.
"""

import re
from collections.abc import Collection, Iterable, Sequence

UNNAMED = re.compile(r"|unnamed: ?\d+(\.\d+|_level_\d+)*|__index_level_\d+__")
INDEX = re.compile(
    r"index|index[_.]?\d+|idx|level_\d+|row|rows?[_ .]?(id|idx|index|number|num|nr|no|names?)|rn|#|\.\.\.\d+"
)
IDS = ("id", "ids", "sample_id", "segment_id", "video_id", "clip_id")
TARGETS = re.compile(
    r"targets?|annotations?|ground_?truth|(regression_|classification_)?labels?"
    r"(_(t|a|v|m|text|audio|vision|video|visual|id|idx|index|name|code|num|number|encoded))?"
)
PARTS = re.compile(
    r"split|subset|(k|cv_?)?folds?(_?(id|idx|index|number|no|nr))?|is_(train|valid|val|test)"
)
MAX_QUOTED = 6  # columns in a sentence


def is_unnamed(name: str) -> bool:
    """Whether a column has no name, or the name that pandas gives to a column without one."""
    return UNNAMED.fullmatch(name.strip().lower()) is not None


def is_called_index(name: str) -> bool:
    """Whether a column is called like the number of a row."""
    return INDEX.fullmatch(name.strip().lower()) is not None


def no_features(
    names: Iterable[str], of_labels: Collection[str], modalities: Collection[str]
) -> list[str]:
    """Return the columns of a table of features that are called like an id, a target or a part of the split.

    Args:
        names: of the columns.
        of_labels: what the table of labels calls its labels, its split and its text. A `y` beside an `x` is taken for
            a coordinate.
        modalities: names of all modalities, each of which may have a column of labels.
    """
    lower = {name: name.strip().lower() for name in names}
    taken = {name.strip().lower() for name in of_labels}
    if "x" in lower.values():
        taken.discard("y")
    taken.update(f"label_{name}".lower() for name in modalities)
    return [
        name
        for name, plain in lower.items()
        if plain in taken
        or plain in IDS
        or TARGETS.fullmatch(plain) is not None
        or PARTS.fullmatch(plain) is not None
    ]


def quote_columns(names: Sequence[str]) -> str:
    """Columns in a sentence."""
    shown = [f"`{name[:40]}`" if name.strip() else "a column without a name" for name in names]
    return ", ".join(shown[:MAX_QUOTED]) + (
        f" and {len(shown) - MAX_QUOTED:,} more" if len(shown) > MAX_QUOTED else ""
    )
