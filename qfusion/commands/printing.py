"""How commands print and write: results to standard output, everything else to standard error, tables to files."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import qfusion
from qfusion import _files
from qfusion._checks import check
from qfusion._progress import Pace, Tell

if TYPE_CHECKING:
    import pandas as pd


# How commands print: results to standard output, everything else to standard error.

open_bars: list[Progress] = []  # the bars of this process, where some are
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, alone on standard output.")
]


def example_text(*lines: str) -> str:
    """Return the closing words of a command's help: how it is called."""
    return "Example: " + "; ".join(
        f"[bold]python -m qfusion {escape(line)}[/bold]" for line in lines
    )


def number(value: Any, digits: int = 3) -> str:
    """Return a number for a table, or `-` if there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> RenderableType:
    """Return a table, below its title."""
    cells = Table(*columns)
    for row in rows:
        cells.add_row(*map(str, row))
    return Group(Text(title, style="bold"), cells) if title else cells


def metrics_table(
    columns: Sequence[str], measured: Sequence[Mapping[str, float]], title: str = ""
) -> RenderableType:
    """Return a table of metrics, a row each, with a column for each of several measurements."""
    return table(
        columns,
        [
            [label.short, *(number(values[key]) for values in measured)]
            for key, label in qfusion.training.metrics.labels(measured[-1]).items()
        ],
        title,
    )


@contextmanager
def progress_bar(task: str) -> Iterator[Callable[[float, float, str], None]]:
    """Show a progress bar on standard error while the block lasts, if that is a terminal.

    Yields what is to be called with steps done, steps in all and a remark.
    """
    with ExitStack() as stack:
        if not open_bars:  # a bar inside another is a line of it
            console = Console(stderr=True)
            open_bars.append(
                stack.enter_context(
                    Progress(console=console, transient=True, disable=not console.is_terminal)
                )
            )
            stack.callback(open_bars.clear)
        shown = open_bars[0]
        line = shown.add_task(task)
        stack.callback(shown.remove_task, line)

        def show(done: float, total: float, remark: str) -> None:
            shown.update(line, completed=done, total=total, description=f"{task}: {escape(remark)}")

        yield show


@contextmanager
def sample_progress_bar(task: str) -> Iterator[Tell]:
    """Show a bar of samples with their rate while the block lasts, see `progress_bar` and `_progress.progress_to`."""
    pace = Pace()
    with progress_bar(task) as show:
        yield lambda done, total: show(done, total, pace.words(done, total))


def json_text(result: Any) -> str:
    """Return a JSON document: NumPy's numbers and arrays become Python's, NaN and infinity null."""
    return json.dumps(_to_json_types(result), indent=2, allow_nan=False)


def _to_json_types(value: Any) -> Any:
    """Return a value as JSON's types."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _to_json_types(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_to_json_types(entry) for entry in value]
    if hasattr(value, "tolist"):  # an array, a number of NumPy's, a tensor, a column
        return _to_json_types(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not of JSON")


def print_result(result: Any, as_json: bool, *words: str | RenderableType) -> None:
    """Print `result` as one JSON document, or the lines and tables that describe it. Markup in them is printed as it
    is.
    """
    if as_json:
        print(json_text(result))
        return
    console = Console(markup=False, emoji=False, highlight=False)
    for part in words:
        console.print(part, soft_wrap=isinstance(part, str))


def print_remark(message: str) -> None:
    """Print a remark to standard error, so that results stay alone on standard output."""
    print(message, file=sys.stderr)


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
    chunks: Iterable[tuple[int, pd.DataFrame]], out: Path, group: qfusion.training.batches.Group
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

    from qfusion.study import text

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
