"""Names and words in files and in Python objects: columns, modalities, features, ids, parts of a split.

What columns, variables and entries are called that hold ids, labels, parts of a split, steps and text is one list for
all formats; so is what no feature is called.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check

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


def normalize_name(name: str) -> str:
    """Return a name in small letters and digits alone: "true_Label" is "truelabel".

    Example:
        >>> from qfusion.data.parsing import normalize_name
        >>> normalize_name("true_Label")
        'truelabel'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_name(names: Iterable[str], known: Sequence[str]) -> str | None:
    """Return the name that is called like the first of `known` that occurs, or None.

    Example:
        >>> from qfusion.data.parsing import find_name
        >>> find_name(["Score", "age"], ["label", "score"])
        'Score'
    """
    last_first = list(names)[::-1]
    by_plain = dict(zip(map(normalize_name, last_first), last_first, strict=True))
    for name in known:
        if name in by_plain:
            return by_plain[name]
    return None


def find_ids(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are called like an id, or like the parts of one; () if there are none.

    Example:
        >>> from qfusion.data.parsing import find_ids
        >>> find_ids(["video_id", "clip_id", "age"])
        ('video_id', 'clip_id')
    """
    names = list(names)
    single = find_name(names, ID_NAMES)
    if single is not None:
        return (single,)
    video, clip = find_name(names, JOINED_IDS[:1]), find_name(names, JOINED_IDS[1:])
    return (video, clip) if video and clip else ()


def is_row_number(name: str) -> bool:
    """Whether a column has no name, one that pandas gives to a column without a name, or that of an index.

    Example:
        >>> from qfusion.data.parsing import is_row_number
        >>> is_row_number("Unnamed: 0")
        True
    """
    lower = name.strip().lower()
    return _UNNAMED.fullmatch(lower) is not None or _INDEX.fullmatch(lower) is not None


def is_unnamed(name: str) -> bool:
    """Whether a column has no name, or the name that pandas gives to a column without one."""
    return _UNNAMED.fullmatch(name.strip().lower()) is not None


def non_feature_columns(
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


# Of an id or a class. An array of them has room for the longest in every row.
MAX_CHARACTERS = 500
MOST_SHOWN = 8  # names in a sentence
# Of files of an imported set, and therefore no names of modalities.
RESERVED_NAMES = frozenset({"ids", "split", "y", "unimodal", "table", "manifest"})
SPLIT_WORDS = {  # names of the parts of a split in files
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "dev": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
    "": "",
}
MAX_WORDS = 2_000  # of a sample
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # letters that are words
_WORD = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}]+")


def make_modality_name(name: str) -> str:
    """Return a name for a modality that can be a column, a key and a part of a link.

    Raises:
        InvalidInput: when the name has no letter or digit.
    """
    modality = re.sub(r"[^\w-]", "_", name.strip().lower()).strip("_")[:40]
    check(
        bool(modality),
        f"A modality must have a name of letters or digits, but is called {name[:40]!r}. Rename it.",
    )
    return modality


def numbered_features(name: str, count: int) -> tuple[str, ...]:
    """Return the names "name 1", ... for features without names.

    Example:
        >>> from qfusion.data.parsing import numbered_features
        >>> numbered_features("text", 2)
        ('text 1', 'text 2')
    """
    return tuple(f"{name} {number}" for number in range(1, count + 1))


def parse_split(words: Sequence[str | None] | np.ndarray, what: str) -> np.ndarray:
    """Return the part of the split of each sample, "train", "valid", "test" or "", str (N,).

    Args:
        words: the part as a file writes it, (N,), None where it is not known.
        what: their place, for messages: "Column `split` of `labels.csv`".

    Raises:
        InvalidInput: when a word is not in SPLIT_WORDS.

    Example:
        >>> from qfusion.data.parsing import parse_split
        >>> parse_split(["train", "test", "valid"], "column").tolist()
        ['train', 'test', 'valid']
    """
    written = pd.Series(words, dtype=object).fillna("").astype(str).str.strip().str.lower()
    unknown = written[~written.isin(list(SPLIT_WORDS))]
    example = "" if unknown.empty else str(unknown.iloc[0])[:40]
    check(
        unknown.empty,
        f"{what} must hold train, valid or test, but holds {example!r}. Correct it.",
    )
    return np.array(written.map(SPLIT_WORDS).to_list(), dtype="<U5")


def clean_text(word: Any) -> str:
    """Return a word of a file as text that can be written again.

    Bytes are decoded as UTF-8; characters that UTF-8 cannot hold are replaced.
    """
    if isinstance(word, (bytes, bytearray, memoryview)):
        return bytes(word).decode("utf-8", "replace").rstrip("\0")
    return str(word).encode("utf-8", "replace").decode("utf-8").rstrip("\0")


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a text, each a step; a character of Chinese or Japanese is a word.

    Raises:
        InvalidInput: when there are more than MAX_WORDS.

    Example:
        >>> from qfusion.data.parsing import split_words
        >>> split_words("a fine film"), split_words("很好")
        (('a', 'fine', 'film'), ('很', '好'))
    """
    words = tuple(_WORD.findall(clean_text(text)))
    check(
        len(words) <= MAX_WORDS,
        f"The text has {len(words):,} words, and at most {MAX_WORDS:,} are taken. Shorten it.",
    )
    return words


def word_array(words: Sequence[Any], what: str) -> np.ndarray:
    """Return words, or numbers in their place, as an array (N,).

    Args:
        words: (N,).
        what: their name, for messages: "Ids in `labels.csv`".

    Raises:
        InvalidInput: when one has more than MAX_CHARACTERS.
    """
    longest = max(map(len, map(str, words)), default=0)
    check(
        longest <= MAX_CHARACTERS,
        f"{what} must have at most {MAX_CHARACTERS} characters, but one has {longest:,}. Shorten it.",
    )
    return np.array(words)


def shown_names(names: Sequence[object]) -> str:
    """Return the first names and the number of others, for a sentence."""
    text = ", ".join(map("{!s:.40}".format, names[:MOST_SHOWN]))
    others = len(names) - MOST_SHOWN
    return f"{text} and {others} more" if others > 0 else text


UNKNOWN = ("", "nan", "na", "null", "none", "<na>", "inf", "+inf", "-inf")  # of a number
MINUS = "\u2212"  # the minus sign of typesetters, which is no hyphen
_COMMA = re.compile(
    r"[-+]?(\d{1,3}(\.\d{3})+|\d{1,3}([ \u00a0\u202f]\d{3})+|\d*),\d+([eE][-+]?\d+)?"
)
_THOUSANDS_COMMA = re.compile(r"[-+]?\d{1,3}(,\d{3})*,\d{3}\.\d*")
_POINT = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
_THOUSANDS_POINT = re.compile(r"[-+]?\d{1,3}(\.\d{3})+")
_LIKE_A_NUMBER = re.compile(  # without turning back at blanks
    r"[-+(]?\s*+[$€£¥]?\s*+[-+]?\d[\d.,'’ \u00a0\u202f]*+([eE][-+]?\d+)?\s*+[%‰$€£¥]?\)?"
)
_LONG = re.compile(r"[-+]?\d{16,308}")


def parse_numbers(words: Sequence[str], decimal_comma: bool = False) -> np.ndarray:
    """Return the numbers that words represent, float64 (N,), with NaN for a word that represents none.

    Args:
        words: (N,). The typographic minus counts as a minus.
        decimal_comma: whether "1,5" and "1.234,5" may be numbers; they are not where another word, such as "1,234.5",
            has commas between thousands.

    Example:
        >>> from qfusion.data.parsing import parse_numbers
        >>> parse_numbers(["1.5", "2e3", "?"]).tolist()
        [1.5, 2000.0, nan]
    """
    plain = pd.Series(list(words), dtype=object).str.strip().str.replace(MINUS, "-", regex=False)
    if decimal_comma and has_decimal_comma(plain.tolist()):
        plain = _replace_decimal_commas(plain)
    return pd.to_numeric(plain, errors="coerce").to_numpy(np.float64)


def exact_numbers(words: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    """Return the finite numbers (N,) of words as objects, None for others. Whole numbers keep all their digits, also
    those beyond 2^53.
    """
    exact = numbers.astype(object)
    exact[~np.isfinite(numbers)] = None
    for row, (word, number) in enumerate(zip(words, numbers, strict=True)):
        if abs(number) >= 2**53 and _LONG.fullmatch(word):
            exact[row] = int(word)
    return exact


def has_decimal_comma(words: Sequence[str]) -> bool:
    """Whether some words are numbers with a decimal comma, and none has commas between thousands.

    Example:
        >>> from qfusion.data.parsing import has_decimal_comma
        >>> has_decimal_comma(["1,5", "2,25"])
        True
    """
    return any(map(_COMMA.fullmatch, words)) and not any(map(_THOUSANDS_COMMA.fullmatch, words))


def has_decimal_point(words: Sequence[str]) -> bool:
    """Whether some words are numbers with a decimal point."""
    return any(map(_POINT.fullmatch, words))


def _replace_decimal_commas(words: pd.Series) -> pd.Series:
    """Return words (N,) with a decimal comma as words with a decimal point."""
    with_comma = words.str.fullmatch(_COMMA)
    # Points stand between thousands everywhere if they do so beside a comma.
    if (with_comma & words.str.contains(".", regex=False)).any():
        thousands = words.str.fullmatch(_THOUSANDS_POINT)
        words = words.where(~thousands, words.str.replace(".", "", regex=False))
    bare = words.str.replace(r"[. \u00a0\u202f]", "", regex=True)
    return words.where(~with_comma, bare.str.replace(",", ".", regex=False))


def are_unknown(words: Sequence[str]) -> np.ndarray:
    """Return which words denote an unknown number, bool (N,).

    Example:
        >>> from qfusion.data.parsing import are_unknown
        >>> are_unknown(["", "nan", "3"]).tolist()
        [True, True, False]
    """
    return pd.Series(list(words), dtype=object).str.strip().str.lower().isin(UNKNOWN).to_numpy(bool)


def are_like_numbers(words: Sequence[str]) -> np.ndarray:
    """Return which words look like numbers, even if they cannot be parsed: "1,153", "12%", "1,234.00". Bool (N,)."""
    plain = pd.Series(list(words), dtype=object).str.strip().str.replace(MINUS, "-", regex=False)
    return plain.str.fullmatch(_LIKE_A_NUMBER).to_numpy(bool)
