"""Data sets of what a user holds in Python, see `readers.session` for its forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qfusion.data import build, registry
from qfusion.data.data_set import DataSet
from qfusion.data.readers import session, tables
from qfusion.errors import InvalidInput


def data_set_of(
    data: Any,
    *,
    name: str = "data",
    target: str = "",
    modalities: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    contents: Mapping[str, Any] | None = None,
) -> DataSet:
    """Return what a user holds as a data set.

    Args:
        data: a `DataSet`, the name of one, the path of a file, or one of the forms of `readers.session`.
        name: of the set, where it has none.
        target, modalities, classes, contents: of data of one's own, see `readers.session.Description`.

    Raises:
        InvalidInput: when the data have another form, no targets, or too few samples; the message names the entry.
        NotFound: when there is no such data set or file.

    Example:
        >>> import numpy as np
        >>> from qfusion.data.in_memory import data_set_of
        >>> random = np.random.default_rng(0)
        >>> features = {"text": random.normal(size=(40, 3)), "audio": random.normal(size=(40, 2))}
        >>> data_set_of({**features, "y": random.normal(size=40)}).names
        ('text', 'audio')
    """
    description = session.Description(target, modalities, classes, contents or {})
    given = {"target": target or None, "modalities": modalities, "classes": classes}
    unused = [key for key, value in {**given, "contents": contents}.items() if value is not None]
    is_table = isinstance(data, (str, Path)) and Path(data).suffix.lower() in tables.COLUMN_SUFFIXES
    if isinstance(data, DataSet) or (isinstance(data, (str, Path)) and not (is_table and unused)):
        if unused:
            raise InvalidInput(
                f"Argument `{unused[0]}` describes data of your own, but `data` is a data set of qfusion, which knows "
                "it. Leave it out."
            )
        return data if isinstance(data, DataSet) else registry.load(data)
    raw = session.read_session(Path(data) if is_table else data, description)
    source = f"the file {raw.title}" if is_table else session.KIND
    return build.build_set(raw, name, source=source, for_model=True)
