"""Features of a modality in columns of a table, in lists, in encoded pictures, {"bytes", "path"}, as Hugging Face's
`datasets` writes them, or in a .npy file.
"""

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from qfusion._checks import check
from qfusion.data import array_chunks, files, parsing
from qfusion.data.array_chunks import last_steps
from qfusion.data.modality_spec import GivenForm
from qfusion.data.parsing import (
    numbered_features,
    quote_columns,
)
from qfusion.data.raw import Chunks, Raw, RawModality, in_order, whole_array
from qfusion.data.readers.table import Table, can_be_feature, is_list, is_picture
from qfusion.errors import InvalidInput, translate_errors


def read_features(
    raw: Raw,
    name: str,
    table: Table,
    features: list[str],
    rows: np.ndarray,
    step: str | None = None,
) -> RawModality:
    """Return columns of a table as a modality.

    Args:
        raw: with the ids of the samples.
        name: of the modality.
        table: of features.
        features: names of columns of numbers, or of one column of lists.
        rows: the row of the sample of each row of the table, -1 for none.
        step: the column that numbers the steps of sequences; None if rows are vectors.
    """
    check(
        len(features) > 0,
        f"Table `{table.name}` must have a column a feature, but has only {table.columns[:12]}, and ids, steps, "
        "targets and numbers of rows are none. Add features.",
    )
    if len(features) == 1 and is_picture(table.kinds[features[0]]):
        return read_pictures(raw, name, table, features[0])
    lists = [column for column in features if is_list(table.kinds[column])]
    others = [column for column in features if column not in lists]
    verb = "holds" if len(lists) == 1 else "hold"
    single = f" and {quote_columns(others)} single values" if others else ""
    check(
        not lists or len(features) == 1,
        f"Table `{table.name}` must hold a modality as columns of numbers or as one column of lists, but "
        f"{quote_columns(lists)} {verb} lists{single}. Keep one of them.",
    )
    if not lists:
        chunks = partial(_feature_chunks, name, table, features)
        return _place_rows(raw, name, table, chunks, features, rows, step)
    (column,) = lists
    is_nested = is_list(table.kinds[column].value_type)
    check(
        can_be_feature(table.kinds[column]),
        f"Column `{column}` of `{table.name}` must hold lists of numbers, or lists of such lists, but holds "
        f"{str(table.kinds[column])[:60]}. Convert or drop it.",
    )
    check(
        not is_nested or step is None,
        f"Column `{column}` of `{table.name}` must hold a list of numbers for every step, but holds lists of lists, "
        f"which are whole sequences. Drop the column `{step}`, or write a row for every step.",
    )
    if is_nested:
        return _read_nested(raw, name, table, column, rows)
    size = _list_size(table, column)
    names = numbered_features(name, size)
    return _place_rows(
        raw, name, table, partial(_flat_lists, table, column, size), names, rows, step
    )


def _feature_chunks(name: str, table: Table, features: list[str]) -> Iterator[np.ndarray]:
    """Yield columns of numbers in chunks (n, F); if they hold words, the message names these columns."""
    try:
        yield from table.numbers(features)
    except InvalidInput as error:
        words = _find_words(table, features) if table.is_text else {}
        if not words:
            raise
        raise InvalidInput(
            f"Modality '{name}' must have columns of numbers, but these hold words: {quote_columns(list(words))}, "
            f"such as {next(iter(words.values()))[:40]!r}. Correct them, or leave them out of the modality."
        ) from error


def _find_words(table: Table, features: Sequence[str]) -> dict[str, str]:
    """Return the columns of a CSV file that do not hold numbers alone, each with the first word that is none."""
    first_words = {}
    for column in features:
        written = list(filter(None, table.words([column])[0]))
        numbers = parsing.parse_numbers(written, decimal_comma=table.decimal_comma)
        is_word = np.isnan(numbers) & ~parsing.are_unknown(written)
        is_word &= ~np.isin(np.char.lower(np.array(written, dtype=str)), ("true", "false"))
        if is_word.any():
            first_words[column] = written[int(is_word.argmax())]
    return first_words


def _place_rows(
    raw: Raw,
    name: str,
    table: Table,
    read: Any,
    names: Sequence[str],
    rows: np.ndarray,
    step: str | None,
) -> RawModality:
    """Return a modality whose rows, which `read` yields in chunks (n, F), are samples or steps of samples."""
    count = len(raw.ids)
    if step is None:
        in_rows = np.array_equal(rows, np.arange(count))
        chunks = (lambda: in_order(read())) if in_rows else (lambda: _scatter(read(), (rows,)))
        return RawModality(name, (count, len(names)), chunks, names)
    times = pd.Series(np.concatenate([chunk[:, 0] for chunk in table.numbers([step])]))
    own = times.groupby(rows)
    falling = np.flatnonzero((rows >= 0) & ~(times > own.shift(fill_value=-np.inf)))
    example = raw.ids[rows[falling[0]]][:60] if len(falling) else ""
    check(
        len(falling) == 0,
        f"Column `{step}` of `{table.name}` must rise within every id, but does not for '{example}'. Sort the table "
        "by id and step.",
    )
    lengths = np.bincount(rows[rows >= 0], minlength=count)
    steps = own.cumcount().to_numpy()
    return _sequence(raw, name, names, lengths, lambda: _scatter(read(), (rows, steps)))


def _scatter(chunks: Iterator[np.ndarray], places: tuple[np.ndarray, ...]) -> Chunks:
    """Yield chunks (n, F) with their places; what belongs to no sample is left out."""
    for at, chunk in array_chunks.enumerate_chunks(chunks):
        here = [axis[at : at + len(chunk)] for axis in places]
        known = here[0] >= 0
        yield tuple(axis[known] for axis in here), chunk[known]


def _sequence(
    raw: Raw, name: str, names: Sequence[str], lengths: np.ndarray, chunks: Any
) -> RawModality:
    """Return a modality of sequences that are padded to the longest."""
    longest = max(1, int(lengths.max(initial=1)))
    raw.note_sequences(name, lengths, longest)
    shape = (len(lengths), longest, len(names))
    return RawModality(name, shape, chunks, names, np.maximum(lengths, 1), padded=True)


def _list_size(table: Table, column: str, depth: int = 1) -> int:
    """Return the length of the first list of numbers in a column of lists, or of lists of lists."""
    for lists in table.lists(column):
        inner = lists.flatten().drop_null() if depth == 2 else lists
        sizes = pa.compute.list_value_length(inner)
        if len(sizes) and sizes[0].as_py() > 0:
            return int(sizes[0].as_py())
    raise InvalidInput(
        f"Column `{column}` of `{table.name}` must hold lists of numbers, but its first list is empty. Mend or drop "
        "it."
    )


def _flat_lists(table: Table, column: str, size: int) -> Iterator[np.ndarray]:
    """Yield a column of lists of one length in chunks (n, F)."""
    for lists in table.lists(column):
        check(
            set(np.unique(pa.compute.list_value_length(lists))) <= {size},
            f"Column `{column}` of `{table.name}` must hold lists of {size} numbers, but not all have that length. "
            "Number the steps of a sequence in a column `step`.",
        )
        yield _numbers(lists.flatten(), size)


def _numbers(flat: pa.Array, size: int) -> np.ndarray:
    numbers = flat.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers).reshape(-1, size)


def _read_nested(raw: Raw, name: str, table: Table, column: str, rows: np.ndarray) -> RawModality:
    """Return a modality whose cells are sequences, lists of steps that are lists of numbers."""
    size = _list_size(table, column, depth=2)
    counts = []
    for sequences in table.lists(column):
        inner = sequences.flatten()
        sizes = pa.compute.list_value_length(inner.drop_null())
        check(
            inner.null_count == 0 and set(np.unique(sizes)) <= {size},
            f"Column `{column}` of `{table.name}` must hold a list of steps for every sample, each a list of {size} "
            "numbers, but some have another length or are missing. Mend or drop them.",
        )
        counts.append(np.asarray(pa.compute.list_value_length(sequences)))
    steps = np.concatenate(counts)
    lengths = np.zeros(len(raw.ids), np.int64)
    lengths[rows[rows >= 0]] = steps[rows >= 0]

    def chunks() -> Chunks:
        row = np.repeat(rows, steps)
        step = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
        flat = (_numbers(lists.flatten().flatten(), size) for lists in table.lists(column))
        yield from _scatter(flat, (row, step))

    return _sequence(raw, name, numbered_features(name, size), lengths, chunks)


def read_npy(raw: Raw, name: str, path: Path) -> RawModality:
    """Return the modality in a .npy file, which is mapped."""
    files.require_signature(path, "a .npy file")
    with translate_errors(
        f"File `{path.name}` cannot be read as a NumPy array of numbers",
        "Save it again by `numpy.save`.",
        Exception,  # a damaged file raises whatever its bytes lead to
        why="{kind}: {words:.160}",
    ):
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    shape = values.shape
    count = len(raw.ids)
    is_fit = len(shape) in (2, 3) and shape[0] == count and min(shape) > 0
    check(
        values.dtype.kind in "biuf" and is_fit,
        f"File `{path.name}` must hold numbers of shape ({count}, F) or ({count}, T, F), a row for every label, but "
        f"has type {values.dtype} and shape {shape}. Save it in that shape.",
    )
    lengths = None
    if len(shape) == 3:
        lengths = np.maximum(1, last_steps(array_chunks.iter_chunks(values)))
        if (lengths < shape[1]).any():
            raw.note_sequences(
                name, lengths, shape[1], "; steps of zeros at the end count as padding"
            )
    return whole_array(name, values, numbered_features(name, shape[-1]), lengths=lengths)


MAX_PIXELS = 4096 * 4096  # of a picture


def read_pictures(raw: Raw, name: str, table: Table, column: str) -> RawModality:
    """Return a modality of the pixels of pictures, in [0, 1]; the pictures are shown as well.

    Args:
        raw: takes the pictures to show.
        name: of the modality.
        table: of the column.
        column: of encoded pictures of one size.

    Raises:
        InvalidInput: when a row holds no picture, or sizes differ.
    """
    pictures = [_decode(column, row, cell) for row, cell in enumerate(table.cells(column))]
    sizes = {picture.shape for picture in pictures}
    check(
        len(sizes) == 1,
        f"Pictures of column `{column}` must have one size, but have {sorted(sizes)[:3]}. Resize them first.",
    )
    raw.contents.setdefault(name, pictures)
    pixels = np.stack(pictures)
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
    names = numbered_features("pixel", flat.shape[1])
    shape = pixels.shape[1:]
    return whole_array(name, flat, names, picture=shape, given=GivenForm(shape))


def _decode(column: str, row: int, cell: Any) -> np.ndarray:
    """Return a picture as uint8, (h, w, 3)."""
    from PIL import Image

    data = (cell or {}).get("bytes")
    check(
        isinstance(data, bytes),
        f"Column `{column}` must hold the bytes of a picture in every row, but row {row} holds none.",
    )
    with translate_errors(
        f"Row {row} of column `{column}` is no picture that can be read",
        "Write PNG or JPEG.",
        *(OSError, ValueError, SyntaxError, Image.DecompressionBombError),
        why="{kind}",
    ):
        picture = Image.open(io.BytesIO(data or b""), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP"))
        check(
            picture.width * picture.height <= MAX_PIXELS,
            f"The picture in row {row} of column `{column}` has {picture.width} x {picture.height} pixels; at most "
            f"{MAX_PIXELS:,} are read.",
        )
        return np.asarray(picture.convert("RGB"))
