"""Guess from the names of columns which of them form a modality, and which one is the label."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from qfusion._checks import MOST_MODALITIES
from qfusion.data import table_columns
from qfusion.data.file_words import make_modality_name
from qfusion.data.table_files import LABELS, STEP, TEXT
from qfusion.data.table_preview import TablePreview

# A single column of this prefix is a modality; with another prefix it takes two.
USUAL_NAMES = frozenset(
    {"text", "audio", "vision", "video", "visual", "image", "speech", "acoustic", "language"}
)
_SEPARATORS = "_.:/ -"
_SEPARATOR = re.compile(f"([{_SEPARATORS}])")
_NUMBERED = re.compile(r"(.*\D)\d+")


def group_columns(
    names: Sequence[str], preview: TablePreview
) -> dict[str, tuple[list[str], list[str]]]:
    """Return the likely modalities: of each the beginnings that its columns share, and the columns.

    Columns belong together if they share the word before the first separator, as in `text_1`, `text.0` or
    `text:0`, or their letters before a number, as in `f0` and `f1`. If all share it, the next word counts. A column
    of lists is a modality.

    Args:
        names: of the columns that have no other role.
        preview: of the table.
    """
    targets = set(table_columns.no_features(names, (), ()))
    free = [
        name
        for name in names
        if name in preview.numeric
        and name not in targets
        and name.strip().lower() not in STEP
        and not table_columns.is_called_index(name)
    ]
    groups: dict[str, tuple[list[str], list[str]]] = {
        make_modality_name(name): ([], [name])
        for name in free
        if name in preview.lists and _has_letters(name)
    }
    prefixed = _group_by_prefix([name for name in free if name not in preview.lists])
    by_name: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for prefix, columns in prefixed.items():
        beginnings, members = by_name[_name_group(prefix)]
        beginnings.append(prefix)
        members += columns
    for name, (beginnings, members) in by_name.items():
        if name not in groups and (len(members) > 1 or name in USUAL_NAMES):
            groups[name] = (beginnings, members)
    return groups if len(groups) <= MOST_MODALITIES else {}


def guess_label(
    names: Sequence[str], preview: TablePreview, features: Collection[str] | None = None
) -> str:
    """Return the column that is likely the label: one that is called so, or whose name ends so, or the only one that
    belongs to no modality; empty if there is none.

    Args:
        names: of the columns that have no other role.
        preview: of the table.
        features: columns of the modalities, None to guess them.
    """
    single = [name for name in names if name not in preview.lists]
    lower = {name.strip().lower(): name for name in reversed(single)}
    known = next((lower[name] for name in LABELS if name in lower), None)
    if known is not None:
        return known
    ending = [name for name in single if _SEPARATOR.split(name.strip().lower())[-1] in LABELS]
    if len(ending) == 1:
        return ending[0]
    if features is None:
        groups = group_columns(names, preview)
        features = {name for _, columns in groups.values() for name in columns}
    rest = [
        name
        for name in single
        if name not in features
        and name.strip().lower() not in TEXT
        and not table_columns.is_called_index(name)
    ]
    return rest[0] if len(rest) == 1 and features else ""


def _has_letters(name: str) -> bool:
    return any(character.isalnum() for character in name)


def _name_group(prefix: str) -> str:
    """Return the name of a modality whose columns share a beginning: its last word."""
    return make_modality_name(_SEPARATOR.split(prefix.rstrip(_SEPARATORS))[-1])


def _group_by_prefix(names: Sequence[str]) -> dict[str, list[str]]:
    """Return columns by the beginning that they share, which is one word, or more if all share the first."""
    depth = 1
    groups = _group_at(names, depth)
    while len(groups) == 1:
        deeper = _group_at(names, depth + 1)
        if all(_name_group(prefix).isdigit() for prefix in deeper):
            return groups
        if len(deeper) > 1:
            is_shared = any(len(columns) > 1 for columns in deeper.values())
            return deeper if is_shared else groups
        groups = deeper
        depth += 1
    return groups


def _group_at(names: Sequence[str], depth: int) -> dict[str, list[str]]:
    """Return columns by their first words, or by their letters before a number if they are one word."""
    groups = defaultdict[str, list[str]](list)
    for name in names:
        pieces = _SEPARATOR.split(name)
        numbered = _NUMBERED.fullmatch(name)
        if len(pieces) > 2 * depth:
            prefix = "".join(pieces[: 2 * depth])
        elif len(pieces) == 1 and numbered is not None and depth == 1:
            prefix = numbered[1]
        else:
            continue
        if _has_letters(pieces[2 * depth - 2] if len(pieces) > 1 else prefix):
            groups[prefix].append(name)
    return dict(groups)
