"""What the columns of one table are for: the label, the id, the split, and the columns of each modality.

A caller chooses what is known, and the rest is guessed from the names of the columns. The columns of a modality are
named by patterns: `text_*` is every column whose name begins so, and `pitch` is one column. A column that several
patterns match belongs to the most specific one, so `pitch` in one modality takes a column out of `*` in another.
"""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qfusion._checks import choose, require_few_modalities
from qfusion.data import table_columns
from qfusion.data.column_groups import group_columns, guess_label
from qfusion.data.file_words import RESERVED_NAMES, make_modality_name, shown_names
from qfusion.data.table_files import IDS
from qfusion.data.table_preview import TablePreview
from qfusion.errors import InvalidInput, NotFound

WILDCARD = "*"
MAX_PATTERNS = 20  # with a wildcard, in one modality
_JOINED_IDS = ("video_id", "clip_id")


@dataclass(frozen=True)
class ColumnChoice:
    """What a caller chooses of the roles; None leaves a role to the guess.

    Attributes:
        label: column of the target.
        ids: columns that together name a sample; () to number the rows.
        split: column of the part of the split; "" for none.
        modalities: names, each with patterns separated by commas, such as ("text", "text_*, pitch").
    """

    label: str | None = None
    ids: tuple[str, ...] | None = None
    split: str | None = None
    modalities: tuple[tuple[str, str], ...] | None = None


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
    modalities: Mapping[str, tuple[str, ...]]
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def features(self) -> frozenset[str]:
        """The columns of all modalities."""
        return frozenset(name for columns in self.modalities.values() for name in columns)


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
        unknown: patterns that match no column.
        contested: columns that another modality names as specifically.
    """

    features: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()


def choose_roles(preview: TablePreview, choice: ColumnChoice) -> ColumnRoles:
    """Return the roles of the columns of a table; what is not chosen is guessed.

    Raises:
        InvalidInput: when a role is missing, a column does not exist, or there are too few modalities.
    """
    choice = complete_choice(preview, choice)
    problems = find_problems(preview, choice)
    if problems:
        raise InvalidInput(problems[0].words)
    modalities = {}
    skipped = {}
    for (name, _), matched in zip(
        choice.modalities or (), match_columns(preview, choice), strict=True
    ):
        modalities[make_modality_name(name)] = matched.features
        if matched.skipped:
            skipped[make_modality_name(name)] = matched.skipped
    return ColumnRoles(
        choice.label or "", choice.ids or (), choice.split or None, modalities, skipped
    )


def complete_choice(preview: TablePreview, choice: ColumnChoice) -> ColumnChoice:
    """Return a choice with all roles: those that are None are guessed, and a label that nothing suggests is ""."""
    if choice.ids is None:
        free = [name for name in preview.columns if name not in (choice.label, choice.split)]
        choice = replace(choice, ids=_guess_ids(free, preview))
    if choice.split is None:
        is_free = preview.split not in (choice.label, *(choice.ids or ()))
        choice = replace(choice, split=preview.split if preview.split and is_free else "")
    taken = {*(choice.ids or ()), choice.split}
    if choice.label is None:
        choice = replace(choice, label=_guess_label(preview, choice, taken))
    taken.add(choice.label)
    if choice.modalities is None:
        free = [name for name in preview.columns if name not in taken]
        groups = group_columns(free, preview)
        patterns = [
            (name, _join_patterns(prefix, columns, [*preview.numeric & set(free)]))
            for name, (prefix, columns) in groups.items()
        ]
        choice = replace(choice, modalities=tuple(patterns))
    return choice


def find_problems(preview: TablePreview, choice: ColumnChoice) -> list[RoleProblem]:
    """Return why a complete choice cannot be used; nothing if it can."""
    return [*_find_role_problems(preview, choice), *_find_modality_problems(preview, choice)]


def match_columns(preview: TablePreview, choice: ColumnChoice) -> list[MatchedColumns]:
    """Return the columns that each modality of a complete choice matches."""
    rows = [split_patterns(text, preview.columns) for _, text in choice.modalities or ()]
    roles = {*(choice.ids or ()), choice.split, choice.label}
    names = [name for name, _ in choice.modalities or ()]
    of_labels = [name for name in (choice.label, choice.split) if name]
    targets = set(table_columns.no_features(preview.columns, of_labels, names))
    exact = [set(patterns) & set(preview.columns) for patterns in rows]
    wildcards = [
        [pattern for pattern in patterns if pattern not in exact[row] and WILDCARD in pattern]
        for row, patterns in enumerate(rows)
    ]
    results: list[dict[str, list[str]]] = [
        {"features": [], "skipped": [], "words": [], "contested": []} for _ in rows
    ]
    used: list[set[str]] = [set() for _ in rows]
    for column in preview.columns:
        ranks = [
            _rank(column, exact[row], wildcards[row][:MAX_PATTERNS], used[row])
            for row in range(len(rows))
        ]
        best = max(ranks, default=0)
        if best == 0:
            continue
        winners = [row for row, rank in enumerate(ranks) if rank == best]
        is_exact = column in exact[winners[0]]
        if column in roles and not is_exact:
            continue
        if len(winners) > 1:
            kind = "contested"
        elif not is_exact and (column not in preview.numeric or column in targets):
            kind = "skipped"
        else:
            kind = "features" if column in preview.numeric else "words"
        for row in winners:
            results[row][kind].append(column)
    matched = []
    for row, patterns in enumerate(rows):
        unknown = [p for p in patterns if p not in exact[row] and p not in used[row]]
        columns = {kind: tuple(names) for kind, names in results[row].items()}
        matched.append(MatchedColumns(unknown=tuple(unknown), **columns))
    return matched


def split_patterns(text: str, columns: Collection[str]) -> list[str]:
    """Return the patterns in a text, separated by commas. A name with a comma stands in quotation marks, unless it is
    the whole text.
    """
    if text.strip() in columns:
        return [text.strip()]
    if text in columns:
        return [text]
    try:
        fields = next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:
        fields = text.split(",")
    patterns = []
    for written in fields:
        pattern = written if written in columns else written.strip()
        if pattern and pattern not in patterns:
            patterns.append(pattern)
    return patterns


def _rank(column: str, exact: set[str], wildcards: Iterable[str], used: set[str]) -> int:
    """Return how specifically patterns match a column, 0 if none does; add those that match to `used`."""
    best = 0
    for pattern in wildcards:
        if _matches(pattern, column):
            used.add(pattern)
            best = max(best, 1 + len(pattern.replace(WILDCARD, "")))
    return len(column) + 2 if column in exact else best


def _matches(pattern: str, name: str) -> bool:
    """Whether a pattern with wildcards matches a name, in time linear in its length."""
    first, *inner, last = pattern.split(WILDCARD)
    if len(name) < len(first) + len(last):
        return False
    if not (name.startswith(first) and name.endswith(last)):
        return False
    end = len(name) - len(last)
    start = len(first)
    for piece in inner:
        place = name.find(piece, start, end)
        if place < 0:
            return False
        start = place + len(piece)
    return True


def _guess_label(preview: TablePreview, choice: ColumnChoice, taken: Collection[str | None]) -> str:
    """Return the column called like a label that is neither `taken` nor named in full in a modality."""
    exact: set[str] = set()
    for _, text in choice.modalities or ():
        exact.update(split_patterns(text, preview.columns))
    free = [name for name in preview.columns if name not in taken and name not in exact]
    return guess_label(free, preview)


def _guess_ids(names: Sequence[str], preview: TablePreview) -> tuple[str, ...]:
    """Return the columns that are called like an id."""
    lower = {name.strip().lower(): name for name in reversed(names) if name not in preview.lists}
    single = next((lower[name] for name in IDS if name in lower), None)
    if single is not None:
        return (single,)
    return _JOINED_IDS if set(_JOINED_IDS) <= set(names) else ()


def _join_patterns(prefix: str, columns: Sequence[str], free: Sequence[str]) -> str:
    """Return patterns that match a group of columns, and no other of the `free` ones."""
    is_exact = {name for name in free if name.startswith(prefix)} == set(columns) != {prefix}
    patterns = [prefix + WILDCARD] if is_exact and "," not in prefix else columns
    return ", ".join(_quote(pattern) for pattern in patterns)


def _quote(pattern: str) -> str:
    if "," in pattern or '"' in pattern:
        doubled = pattern.replace('"', '""')
        return f'"{doubled}"'
    return pattern


def _find_role_problems(preview: TablePreview, choice: ColumnChoice) -> Iterable[RoleProblem]:
    """Yield problems of the label, the id and the split."""
    label = choice.label or ""
    if not label:
        yield RoleProblem(
            "label",
            f"Table `{preview.file}` must have a column of labels, but none is called so (label, score, class, ...): "
            f"it has {shown_names(preview.columns)}. Choose one; on the command line with --label COLUMN.",
        )
    roles = {"label": [label], "ids": list(choice.ids or ()), "split": [choice.split or ""]}
    taken: dict[str, str] = {}
    for role, columns in roles.items():
        for column in filter(None, columns):
            words = _check_role(preview, column, taken)
            if words:
                yield RoleProblem(role, words)
            taken[column] = {"label": "the label", "ids": "the id", "split": "the split"}[role]


def _check_role(preview: TablePreview, column: str, taken: Mapping[str, str]) -> str:
    """Return why a column cannot have a role; empty if it can."""
    try:
        choose(f"Column of `{preview.file}`", column, preview.columns)
    except NotFound as error:
        return str(error)
    if column in taken:
        return f"Column `{column[:60]}` is {taken[column]} already. Choose another one."
    if column in preview.lists:
        return (
            f"Column `{column[:60]}` holds a list in every row. Choose a column of single values."
        )
    return ""


def _find_modality_problems(preview: TablePreview, choice: ColumnChoice) -> Iterable[RoleProblem]:
    names: set[str] = set()
    for row, ((name, text), matched) in enumerate(
        zip(choice.modalities or (), match_columns(preview, choice), strict=True)
    ):
        words = _check_name(name, names) or _check_columns(preview, choice, text, matched)
        if words:
            yield RoleProblem("modalities", words, row)
    count = len(choice.modalities or ())
    if count < 2:
        given = f"those of one ({choice.modalities[0][0][:40]})" if choice.modalities else "none"
        yield RoleProblem(
            "modalities",
            f"Table `{preview.file}` must have columns of at least two modalities, but has {given}. Name the columns "
            "of each, such as `text_*` and `audio_*`; on the command line with --modality 'text=text_*' --modality "
            "'audio=audio_*'.",
        )
    try:
        require_few_modalities(f"Table `{preview.file}`", count)
    except InvalidInput as error:
        yield RoleProblem("modalities", str(error))


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
    preview: TablePreview, choice: ColumnChoice, text: str, matched: MatchedColumns
) -> str:
    """Return why the columns of a modality cannot be used; empty if they can."""
    patterns = split_patterns(text, preview.columns)
    if not patterns:
        return "Name the columns of this modality, such as `text_*` or `pitch, energy`."
    if sum(WILDCARD in pattern for pattern in patterns) > MAX_PATTERNS:
        return f"A modality can have at most {MAX_PATTERNS} patterns with `{WILDCARD}`. Use fewer."
    if matched.unknown:
        return _describe_unknown(preview, matched.unknown[0])
    roles = dict.fromkeys(choice.ids or (), "the id")
    roles |= {choice.split or "": "the split", choice.label or "": "the label"}
    for column in (*matched.features, *matched.words):
        if column in roles:
            return f"Column `{column[:60]}` is {roles[column]}, and cannot be a feature as well."
    if matched.words:
        shown = table_columns.quote_columns(matched.words)
        return f"A modality must have columns of numbers, but these hold none: {shown}. Leave them out."
    if matched.contested:
        shown = table_columns.quote_columns(matched.contested)
        return f"Another modality names these columns as well: {shown}. Leave them out of one."
    if not matched.features:
        shown = table_columns.quote_columns(matched.skipped)
        return (
            f"No column of numbers is left for this modality: {shown or 'its columns'} hold none."
        )
    return ""


def _describe_unknown(preview: TablePreview, pattern: str) -> str:
    if WILDCARD in pattern:
        return (
            f"No column of `{preview.file}` is left that matches `{pattern[:60]}`. Its columns are "
            f"{shown_names(preview.columns)}."
        )
    try:
        choose(f"Column of `{preview.file}`", pattern, preview.columns)
    except NotFound as error:
        return str(error)
    return ""
