"""What the columns of a table are for: the label, the id, the split, and the columns of each modality.

A caller chooses the roles that are known, and the rest is guessed from the names. The columns of a modality are named
by patterns: `text_*` is every column whose name begins so, and `pitch` is one column. A column that several patterns
match belongs to the most specific one, so `pitch` in one modality takes a column out of `*` in another.
"""

import csv
import fnmatch
import glob
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from qfusion._checks import MOST_MODALITIES, choose, require_few_modalities
from qfusion.data.parsing import (
    LABEL_NAMES,
    RESERVED_NAMES,
    STEP_NAMES,
    find_ids,
    find_name,
    is_row_number,
    make_modality_name,
    non_feature_columns,
    quote_columns,
    shown_names,
)
from qfusion.errors import InvalidInput, NotFound

# A single column of this prefix is a modality; with another prefix it takes two.
_USUAL_MODALITIES = frozenset({"text", "audio", "vision", "video", "image"})
_LETTER = re.compile(r"[^\W_]")
_PREFIX = re.compile(r"([^_.:/ -]*[^\W_][^_.:/ -]*[_.:/ -]).+|([^\d_.:/ -]+)\d+")
WILDCARD = "*"
MAX_PATTERNS = 20  # with a wildcard, in one modality
_ROLES = {"label": "the label", "ids": "the id", "split": "the split"}


@dataclass(frozen=True, eq=False)
class TablePreview:
    """The columns of a table by their names and first rows.

    Attributes:
        file: name of the file.
        columns: names of the columns, in order, without numbers of rows.
        numeric: columns of numbers, truth values or lists of numbers, which can be features.
        lists: those that hold lists.
        split: the column that is called like a split and holds its parts, or None.
        rows: the first rows as text, every column of `columns`.
    """

    file: str
    columns: tuple[str, ...]
    numeric: frozenset[str]
    lists: frozenset[str]
    split: str | None
    rows: pd.DataFrame


@dataclass(frozen=True)
class ColumnChoice:
    """What a caller chooses of the roles; None leaves a role to the guess.

    Attributes:
        label: column of the target.
        ids: columns that together name a sample; () to number the rows.
        split: column of the part of the split; "" for none.
        modalities: names, each with patterns separated by commas, such as ("text", "text_*, pitch").
        shown: columns that are shown and are no features.
        as_named: whether modalities keep their names as they are, since a model in Python knows them by these.
    """

    label: str | None = None
    ids: tuple[str, ...] | None = None
    split: str | None = None
    modalities: tuple[tuple[str, str], ...] | None = None
    shown: frozenset[str] = frozenset()
    as_named: bool = False


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns of a table are for. Other columns are kept to show and to filter by.

    Attributes:
        label: column of the target.
        ids: columns that together name a sample; () if the rows are numbered.
        split: column of the part of the split, or None.
        modalities: columns of each modality.
        skipped: columns that a pattern of a modality matches and that are no features, by modality.
    """

    label: str
    ids: tuple[str, ...]
    split: str | None
    modalities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def features(self) -> frozenset[str]:
        """The columns of all modalities."""
        return frozenset().union(*self.modalities.values())


@dataclass(frozen=True)
class RoleProblem:
    """Why a choice of roles cannot be used.

    Attributes:
        role: "label", "ids", "split" or "modalities".
        words: the reason, in a sentence or two.
        row: number of the modality, or None if it concerns none or all.
    """

    role: str
    words: str
    row: int | None = None


@dataclass(frozen=True)
class MatchedColumns:
    """The columns that the patterns of one modality match.

    Attributes:
        features: columns that belong to the modality.
        skipped: columns that a wildcard matches and that hold no features.
        words: columns named in full that hold no numbers.
        contested: columns that another modality names as specifically.
        unknown: patterns that match no column.
    """

    features: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def choose_roles(preview: TablePreview, choice: ColumnChoice) -> ColumnRoles:
    """Return the roles of the columns of a table; what is not chosen is guessed.

    Raises:
        InvalidInput: when a role is missing, a column does not exist, or there are too few modalities.
    """
    choice = complete_choice(preview, choice)
    matched = match_columns(preview, choice)
    for problem in _describe_problems(preview, choice, matched):
        raise InvalidInput(problem.words)
    features: dict[str, tuple[str, ...]] = {}
    skipped: dict[str, tuple[str, ...]] = {}
    for (name, _), columns in zip(choice.modalities or (), matched, strict=True):
        modality = name if choice.as_named else make_modality_name(name)
        features[modality] = columns.features
        if columns.skipped:
            skipped[modality] = columns.skipped
    return ColumnRoles(
        choice.label or "", choice.ids or (), choice.split or None, features, skipped
    )


def complete_choice(preview: TablePreview, choice: ColumnChoice) -> ColumnChoice:
    """Return a choice with all roles: those that are None are guessed, and a label that nothing suggests is ""."""
    columns = pd.Index(preview.columns, dtype=object)
    single = columns[~columns.isin(list(preview.lists))]
    if choice.ids is None:
        free = single[~single.isin([choice.label, choice.split])]
        choice = replace(choice, ids=find_ids(free))
    taken = {*(choice.ids or ()), *choice.shown}
    if choice.split is None:
        is_free = preview.split not in (choice.label, *(choice.ids or ()))
        choice = replace(choice, split=preview.split if preview.split and is_free else "")
    taken.add(choice.split or "")
    if choice.label is None:
        busy = set(taken)
        for _, text in choice.modalities or ():
            busy.update(split_patterns(text, preview.columns))
        label = find_name(single[~single.isin(list(busy))], LABEL_NAMES)
        choice = replace(choice, label=label or "")
    if choice.modalities is None:
        free = columns[~columns.isin([*taken, choice.label])]
        choice = replace(choice, modalities=guess_modalities(free, preview))
    return choice


def guess_modalities(names: pd.Index, preview: TablePreview) -> tuple[tuple[str, str], ...]:
    """Return the likely modalities, each with patterns of its columns; () if there are none, or too many.

    Columns belong together if they share the word before the first separator, as in `text_1`, `text.0` or `text:0`,
    or their letters before a number, as in `f0` and `f1`. A column of lists is a modality.

    Args:
        names: of the columns that have no other role.
        preview: of the table.
    """
    numeric = names[names.isin(list(preview.numeric))]
    lower = numeric.str.strip().str.lower()
    is_other = numeric.isin(non_feature_columns(names, (), ())) | lower.isin(STEP_NAMES)
    groups: dict[str, tuple[str, list[str]]] = {}
    for name in numeric[~is_other]:
        matched = _PREFIX.fullmatch(name)
        if name in preview.lists:
            if _LETTER.search(name):
                groups[make_modality_name(name)] = name, [name]
        elif matched and not is_row_number(name):
            prefix = matched[1] or matched[2]
            groups.setdefault(make_modality_name(prefix), (prefix, []))[1].append(name)
    guessed = []
    for modality, (prefix, columns) in groups.items():
        is_usual = columns[0] in preview.lists or modality in _USUAL_MODALITIES
        if len(columns) == 1 and not is_usual:
            continue
        alike = numeric[numeric.str.startswith(prefix)].tolist()
        is_whole = alike == columns != [prefix] and "," not in prefix
        guessed.append((modality, join_patterns([prefix + WILDCARD] if is_whole else columns)))
    return tuple(guessed) if len(guessed) <= MOST_MODALITIES else ()


def find_problems(preview: TablePreview, choice: ColumnChoice) -> list[RoleProblem]:
    """Return why a complete choice cannot be used; nothing if it can."""
    return list(_describe_problems(preview, choice, match_columns(preview, choice)))


def match_columns(preview: TablePreview, choice: ColumnChoice) -> list[MatchedColumns]:
    """Return the columns that each modality of a complete choice matches."""
    columns = pd.Index(preview.columns, dtype=object)
    ranks, unknown = [], []
    for _, text in choice.modalities or ():
        rank, missing = _rank_columns(split_patterns(text, preview.columns), columns)
        ranks.append(rank)
        unknown.append(missing)
    if not ranks:
        return []
    best = np.max(ranks, axis=0)
    is_best = (np.array(ranks) == best) & (best > 0)
    is_exact = best == columns.str.len() + 2
    is_numeric = columns.isin(list(preview.numeric))
    modalities = list(dict(choice.modalities or ()))
    of_labels = list(filter(None, (choice.label, choice.split)))
    is_target = columns.isin(non_feature_columns(columns, of_labels, modalities))
    has_role = columns.isin([*(choice.ids or ()), choice.split, choice.label])
    kinds = np.select(
        [
            has_role & ~is_exact,
            is_best.sum(0) > 1,
            is_numeric & (is_exact | ~is_target),
            is_exact,
        ],
        ["", "contested", "features", "words"],
        "skipped",
    )
    matched = []
    for mine, missing in zip(is_best, unknown, strict=True):
        by_kind = columns[mine].groupby(kinds[mine])
        by_kind.pop("", None)
        matched.append(MatchedColumns(**{k: tuple(v) for k, v in by_kind.items()}, unknown=missing))
    return matched


def _rank_columns(patterns: Sequence[str], columns: pd.Index) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return how specifically patterns match columns, (C,): 0 where none does, one more than the letters of a pattern
    beside its wildcards, or two more than those of a name in full; and the patterns that match none.
    """
    ranks = np.zeros(len(columns), np.int64)
    unknown = []
    for pattern in patterns:
        is_match = np.asarray(columns == pattern)
        rank = len(pattern) + 2
        if WILDCARD in pattern and not is_match.any():
            # without turning back, so that many wildcards take no longer
            form = fnmatch.translate(glob.escape(pattern).replace(f"[{WILDCARD}]", WILDCARD))
            is_match = columns.isin(list(filter(re.compile(form).match, columns)))
            rank = len(pattern.replace(WILDCARD, "")) + 1
        if not is_match.any():
            unknown.append(pattern)
        ranks = np.maximum(ranks, np.where(is_match, rank, 0))
    return ranks, tuple(unknown)


def split_patterns(text: str, columns: Collection[str]) -> list[str]:
    """Return the patterns in a text, separated by commas. A name with a comma stands in quotation marks, unless it is
    the whole text.

    Example:
        >>> from qfusion.data.column_roles import split_patterns
        >>> split_patterns("text_*, age", ["text_0", "age"])
        ['text_*', 'age']
    """
    for whole in (text.strip(), text):
        if whole in columns:
            return [whole]
    try:
        fields = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:
        fields = text.split(",")
    known = set(columns)
    patterns = dict.fromkeys([name if name in known else name.strip() for name in fields])
    return list(filter(None, patterns))


def join_patterns(names: Iterable[str]) -> str:
    """Return a text of patterns that `split_patterns` splits into these again.

    Example:
        >>> from qfusion.data.column_roles import join_patterns
        >>> join_patterns(["text_*", "age"])
        'text_*, age'
    """
    quoted = []
    for name in names:
        doubled = name.replace('"', '""')
        quoted.append(f'"{doubled}"' if "," in name or '"' in name else name)
    return ", ".join(quoted)


def _describe_problems(
    preview: TablePreview, choice: ColumnChoice, matched: Sequence[MatchedColumns]
) -> Iterator[RoleProblem]:
    """Yield problems of the label, the id and the split, then those of the modalities."""
    if not choice.label:
        yield RoleProblem(
            "label",
            f"Table `{preview.file}` must have a column of labels, but none is called so (label, score, class, "
            f"...): it has {shown_names(preview.columns)}. Choose one; on the command line with --label COLUMN, "
            "in Python with target=COLUMN.",
        )
    roles = {"label": [choice.label], "ids": choice.ids or (), "split": [choice.split]}
    taken: dict[str, str] = {}
    for role, columns in roles.items():
        for column in filter(None, columns):
            words = _check_role(preview, column, taken)
            if words:
                yield RoleProblem(role, words)
            taken[column] = _ROLES[role]
    names: set[str] = set()
    for row, ((name, text), mine) in enumerate(zip(choice.modalities or (), matched, strict=True)):
        words = "" if choice.as_named else _check_name(name, names)
        words = words or _check_columns(preview, name, text, taken, mine)
        if words:
            yield RoleProblem("modalities", words, row)
    if not choice.modalities:
        yield RoleProblem(
            "modalities",
            f"Table `{preview.file}` must have columns of at least one modality, but none is recognised. Name the "
            "columns of each, such as `text_*` and `audio_*`; on the command line with --modality 'text=text_*' "
            "--modality 'audio=audio_*', in Python with modalities={'text': ['t1', 't2'], 'audio': ['a1']}.",
        )
    try:
        require_few_modalities(f"Table `{preview.file}`", len(choice.modalities or ()))
    except InvalidInput as error:
        yield RoleProblem("modalities", str(error))


def _check_role(preview: TablePreview, column: str, taken: Mapping[str, str]) -> str:
    """Return why a column cannot have a role; empty if it can."""
    unknown = _describe_unknown(preview, column)
    if unknown:
        return unknown
    if column in taken:
        return f"Column `{column[:60]}` is {taken[column]} already. Choose another one."
    if column in preview.lists:
        return (
            f"Column `{column[:60]}` holds a list in every row. Choose a column of single values."
        )
    return ""


def _check_name(name: str, names: set[str]) -> str:
    """Return why a modality cannot be called so, and add its name to those in use."""
    try:
        modality = make_modality_name(name)
    except InvalidInput as error:
        return str(error)
    if modality in RESERVED_NAMES:
        return f"No modality may be called `{modality}`. Rename it."
    if modality in names:
        return f"Two modalities are called `{modality}`. Rename one, or join their columns."
    names.add(modality)
    return ""


def _check_columns(
    preview: TablePreview,
    name: str,
    text: str,
    roles: Mapping[str, str],
    matched: MatchedColumns,
) -> str:
    """Return why the columns of a modality, which a text names, cannot be used; empty if they can."""
    patterns = split_patterns(text, preview.columns)
    if not patterns:
        return f"Name the columns of modality '{name[:40]}', such as `text_*` or `pitch, energy`."
    if len(fnmatch.filter(patterns, f"*[{WILDCARD}]*")) > MAX_PATTERNS:
        return f"A modality can have at most {MAX_PATTERNS} patterns with `{WILDCARD}`. Use fewer."
    if matched.unknown:
        return _describe_unknown(preview, matched.unknown[0])
    for column in (*matched.features, *matched.words):
        if column in roles:
            return f"Column `{column[:60]}` is {roles[column]}, and cannot be a feature as well."
    if matched.words:
        shown = quote_columns(matched.words)
        return (
            f"Modality '{name[:40]}' must have columns of numbers, but these hold none: {shown}. Leave them out, or "
            "encode them first, such as by `pandas.get_dummies`."
        )
    if matched.contested:
        shown = quote_columns(matched.contested)
        return f"Another modality names these columns as well: {shown}. Leave them out of one."
    if not matched.features:
        shown = quote_columns(matched.skipped)
        return (
            f"No column of numbers is left for this modality: {shown or 'its columns'} hold none."
        )
    return ""


def _describe_unknown(preview: TablePreview, pattern: str) -> str:
    """Return that a table has no such column, or none that a pattern matches; empty if it has."""
    if WILDCARD in pattern and pattern not in preview.columns:
        return (
            f"No column of `{preview.file}` is left that matches `{pattern[:60]}`. Its columns are "
            f"{shown_names(preview.columns)}."
        )
    try:
        choose(f"Column of `{preview.file}`", pattern, preview.columns)
    except NotFound as error:
        return str(error)
    return ""
