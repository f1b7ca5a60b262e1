"""Guess from the names of columns which of them form a modality, and which one is the label."""

import re
from collections.abc import Sequence

from qfusion._checks import MOST_MODALITIES
from qfusion.data import table_columns
from qfusion.data.file_words import make_modality_name
from qfusion.data.table_files import LABELS, STEP
from qfusion.data.table_preview import TablePreview

# A single column of this prefix is a modality; with another prefix it takes two.
USUAL_NAMES = frozenset({"text", "audio", "vision", "video", "image"})
_PREFIX = re.compile(r"([^_.:/ -]*[^\W_][^_.:/ -]*[_.:/ -]).+|([^\d_.:/ -]+)\d+")


def group_columns(names: Sequence[str], preview: TablePreview) -> dict[str, tuple[str, list[str]]]:
    """Return the likely modalities: of each the beginning that its columns share, and the columns.

    Columns belong together if they share the word before the first separator, as in `text_1`, `text.0` or `text:0`,
    or their letters before a number, as in `f0` and `f1`. A column of lists is a modality.

    Args:
        names: of the columns that have no other role.
        preview: of the table.
    """
    targets = set(table_columns.no_features(names, (), ()))
    groups: dict[str, tuple[str, list[str]]] = {}
    for name in names:
        plain = name.strip().lower()
        if name not in preview.numeric or name in targets or plain in STEP:
            continue
        matched = _PREFIX.fullmatch(name)
        if name in preview.lists and any(map(str.isalnum, name)):
            groups[make_modality_name(name)] = name, [name]
        elif matched and not table_columns.is_called_index(name) and name not in preview.lists:
            prefix = matched[1] or matched[2]
            modality = make_modality_name(prefix)
            groups.setdefault(modality, (prefix, []))[1].append(name)
    result = {
        modality: group
        for modality, group in groups.items()
        if len(group[1]) > 1 or group[1][0] in preview.lists or modality in USUAL_NAMES
    }
    return result if len(result) <= MOST_MODALITIES else {}


def guess_label(names: Sequence[str], preview: TablePreview) -> str:
    """Return the column that is called like a label; empty if there is none.

    Args:
        names: of the columns that have no other role.
        preview: of the table.
    """
    lower = {name.strip().lower(): name for name in reversed(names) if name not in preview.lists}
    return next((lower[name] for name in LABELS if name in lower), "")
