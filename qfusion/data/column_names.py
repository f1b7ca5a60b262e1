"""What columns, variables and entries are called that hold ids, labels, parts of a split, steps and text: one list for
all formats of files and for Python objects; and the columns that are never features by their names.
"""

import re
from collections.abc import Collection, Iterable, Sequence

import pandas as pd

# What is called so, whatever the capitals, blanks and punctuation; the first that occurs is taken.
ID_NAMES = ("id", "ids", "sample", "sampleid", "segment", "key")
JOINED_IDS = ("videoid", "clipid")  # together
LABEL_NAMES = (
    *("label", "labels", "y", "target", "targets", "score", "sentiment", "class", "classes"),
    *("annotation", "gt", "gnd", "truth", "groundtruth", "truelabel", "truelabels", "trueclass"),
    *("classlabel", "classlabels", "classid", "ytrue", "gtlabel", "gtlabels"),
    *("category", "categories"),
)
SPLIT_NAMES = ("split", "mode", "part")
STEP_NAMES = ("step", "time", "frame")
TEXT_NAMES = ("text", "rawtext", "transcript")

# Columns that are never features: numbers of rows (a column without a name, also as pandas calls it), ids, targets,
# and parts of the split.
_UNNAMED = re.compile(r"|unnamed: ?\d+(\.\d+|_level_\d+)*|__index_level_\d+__")
_INDEX = re.compile(
    r"index|index[_.]?\d+|idx|level_\d+|row|rows?[_ .]?(id|idx|index|number|num|nr|no|names?)|rn|#|\.\.\.\d+"
)
_IDS = ("id", "ids", "sample_id", "segment_id", "video_id", "clip_id")
_NO_FEATURES = re.compile(
    r"targets?|annotations?|ground_?truth|(regression_|classification_)?labels?"
    r"(_(t|a|v|m|text|audio|vision|video|visual|id|idx|index|name|code|num|number|encoded))?"
    r"|split|subset|(k|cv_?)?folds?(_?(id|idx|index|number|no|nr))?|is_(train|valid|val|test)"
)
_MAX_QUOTED = 6  # columns in a sentence


def plain(name: str) -> str:
    """Return a name in small letters and digits alone: "true_Label" is "truelabel"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_name(names: Iterable[str], known: Sequence[str]) -> str | None:
    """Return the name that is called like the first of `known` that occurs, or None."""
    last_first = list(names)[::-1]
    by_plain = dict(zip(map(plain, last_first), last_first, strict=True))
    for name in known:
        if name in by_plain:
            return by_plain[name]
    return None


def find_ids(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are called like an id, or like the parts of one; () if there are none."""
    names = list(names)
    single = find_name(names, ID_NAMES)
    if single is not None:
        return (single,)
    video, clip = find_name(names, JOINED_IDS[:1]), find_name(names, JOINED_IDS[1:])
    return (video, clip) if video and clip else ()


def is_row_number(name: str) -> bool:
    """Whether a column has no name, one that pandas gives to a column without a name, or that of an index."""
    lower = name.strip().lower()
    return _UNNAMED.fullmatch(lower) is not None or _INDEX.fullmatch(lower) is not None


def is_unnamed(name: str) -> bool:
    """Whether a column has no name, or the name that pandas gives to a column without one."""
    return _UNNAMED.fullmatch(name.strip().lower()) is not None


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
    taken = {*_IDS, *map(str.lower, map(str.strip, of_labels))}
    taken.update(map("label_{}".format, map(str.lower, modalities)))
    columns = pd.Series(list(names), dtype=object)
    lower = columns.str.strip().str.lower()
    if (lower == "x").any():
        taken.discard("y")
    is_none = lower.isin(taken) | lower.str.fullmatch(_NO_FEATURES)
    return columns[is_none.astype(bool)].tolist()


def quote_columns(names: Sequence[str]) -> str:
    """Return columns as a sentence names them."""
    shown = [f"`{name[:40]}`" if name.strip() else "a column without a name" for name in names]
    more = f" and {len(shown) - _MAX_QUOTED:,} more" if len(shown) > _MAX_QUOTED else ""
    return ", ".join(shown[:_MAX_QUOTED]) + more
