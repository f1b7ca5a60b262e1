"""Write tables of rows as .csv or .parquet files."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import qfusion
from qfusion import _files
from qfusion._checks import check
from qfusion.commands.printing import print_remark

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet")


def table_path(out: Path) -> Path:
    """Return `out` when a table can be written under that name.

    Raises:
        InvalidInput: when the ending is not one of SUFFIXES.
    """
    check(
        out.suffix.lower() in SUFFIXES,
        f"Argument `--out` must end in {' or '.join(SUFFIXES)}, but is {out.name!r}. Choose one of these formats.",
    )
    return out


def write_chunks(
    chunks: Iterable[tuple[int, pd.DataFrame]], out: Path, group: qfusion.training.processes.Group
) -> None:
    """Write a table from numbered chunks in their order, entirely or not at all. Every process provides its own chunks.

    One process alone holds one chunk at a time; of several the leading one writes what all have made.

    Raises:
        InvalidInput: when the file cannot be written.
    """
    if group.size > 1:
        chunks = sorted(group.collected(dict(chunks)).items(), key=lambda chunk: chunk[0])
    if group.leads:
        write_table((frame for _, frame in chunks), out)


def write_table(frames: Iterable[pd.DataFrame], out: Path) -> None:
    """Write a table as its ending says, one part after the other, whole or not at all.

    Raises:
        InvalidInput: when the file cannot be written.
    """
    import pyarrow.parquet

    from qfusion.analysis import text

    rows = 0
    # the writer is closed, by the inner of both, before the file takes its place
    with _files.atomic(table_path(out)) as part, ExitStack() as stack:
        writer: pyarrow.parquet.ParquetWriter | None = None
        for frame in frames:
            if out.suffix.lower() == ".parquet":
                table = pyarrow.Table.from_pandas(frame, preserve_index=False)
                writer = writer or stack.enter_context(
                    pyarrow.parquet.ParquetWriter(part, table.schema)
                )
                writer.write_table(table)
            else:
                with part.open("ab") as file:
                    file.write(text.csv(frame, header=rows == 0))
            rows += len(frame)
    print_remark(f"{rows} rows written to {out}")
