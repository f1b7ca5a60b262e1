"""What several commands load: a trained model, its data set, a sample."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.commands._output import say

if TYPE_CHECKING:
    import pandas as pd

    from qfusion.data import DataSet
    from qfusion.training.checkpoint import Checkpoint
    from qfusion.training.group import Group

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model that `models` lists, or the folder or card of one.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME",
        help="Data set, or path of a .mat or .npz file; the one the model was "
        "trained on unless given.",
    ),
]
Split = Annotated[str, typer.Option("--split", metavar="SPLIT", help="train, valid or test.")]
SUFFIXES = (".csv", ".parquet")


def load(model: str, data: str | None) -> tuple[Checkpoint, DataSet]:
    """Returns a trained model and the data set to use it on, by default the one of its card.

    Raises:
        NotFound: when either does not exist.
        InvalidInput: when the model was trained on a file and `data` does not say which.
    """
    from qfusion.analysis.sample import opened, other_version

    found, dataset = opened(model, data)
    warning = other_version(found, dataset)
    if warning:
        say(f"qfusion: warning: {warning}")
    return found, dataset


def inputs(dataset: DataSet, rows: Any) -> dict[str, Any]:
    """Returns the inputs of `rows` in double precision, as trained models are loaded."""
    import torch

    return dataset.inputs(rows, dtype=torch.float64)


def table_path(out: Path) -> Path:
    """Returns `out` when a table can be written under that name.

    Raises:
        InvalidInput: when the ending is not one of SUFFIXES.
    """
    check(
        out.suffix.lower() in SUFFIXES,
        f"Argument `--out` must end in {' or '.join(SUFFIXES)}, but is {out.name!r}. Choose one of these formats.",
    )
    return out


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Writes a table as its ending says, whole or not at all.

    Raises:
        InvalidInput: when the file cannot be written.
    """
    with atomic(table_path(out)) as part:
        if out.suffix.lower() == ".parquet":
            frame.to_parquet(part, index=False)
        else:
            frame.to_csv(part, index=False)
    say(f"{len(frame)} rows written to {out}")


def write_chunks(chunks: Iterable[tuple[int, pd.DataFrame]], out: Path, group: Group) -> int:
    """Writes a table from numbered chunks in their order, whole or not at all, and returns its rows; every process
    gives its own chunks.

    One process alone holds one chunk at a time; several put theirs into a folder beside `out`, which the leading one
    joins and removes.

    Raises:
        InvalidInput: when the file cannot be written.
    """
    import pandas as pd

    if group.size == 1:
        return _append((frame for _, frame in chunks), out)
    folder = out.with_name(f".{out.name}.chunks")
    if group.leads:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    group.wait()
    for number, frame in chunks:
        frame.to_parquet(folder / f"{number:08d}.parquet", index=False)
    group.wait()
    try:
        return (
            _append((pd.read_parquet(path) for path in sorted(folder.iterdir())), out)
            if group.leads
            else 0
        )
    finally:
        if group.leads:
            shutil.rmtree(folder, ignore_errors=True)


def _append(frames: Iterable[pd.DataFrame], out: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 0
    with atomic(table_path(out)) as part, contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for frame in frames:
            if out.suffix.lower() == ".parquet":
                table = pa.Table.from_pandas(frame, preserve_index=False)
                writer = writer or stack.enter_context(pq.ParquetWriter(part, table.schema))
                writer.write_table(table)
            else:
                frame.to_csv(part, index=False, header=rows == 0, mode="a")
            rows += len(frame)
        stack.close()  # before the file takes its place
    say(f"{rows} rows written to {out}")
    return rows


def output_index(names: tuple[str, ...], name: str | None) -> int:
    """Returns the number of the output called `name`, of the first one unless named.

    Raises:
        NotFound: when there is no such output.
    """
    return 0 if name is None else names.index(choose("Output", name, names))
