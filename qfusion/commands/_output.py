"""How commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from qfusion._progress import Pace, Tell

_drawn: list[Progress] = []  # the bars of this process, where some are
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, alone on standard output.")
]


def example(*lines: str) -> str:
    """Returns the closing words of a command's help: how it is called."""
    return "Example: " + "; ".join(
        f"[bold]python -m qfusion {escape(line)}[/bold]" for line in lines
    )


def plain(value: Any) -> Any:
    """Returns `value` as JSON knows it: NumPy's numbers and arrays as Python's, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_json(result: Any) -> None:
    """Prints `result` as one JSON document."""
    sys.stdout.write(json.dumps(plain(result), indent=2, allow_nan=False) + "\n")


def number(value: Any, digits: int = 3) -> str:
    """Returns a number for a table, `-` where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None
) -> None:
    """Prints a table whose cells are shown as written, whatever markup they look like."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    if title:
        Console().print(escape(title), style="bold", highlight=False)
    Console().print(table)


@contextmanager
def bar(task: str) -> Iterator[Callable[[float, float, str], None]]:
    """Shows a progress bar on standard error while the block lasts, if that is a terminal.

    Yields what is to be called with steps done, steps in all and a remark.
    """
    with ExitStack() as stack:
        if not _drawn:  # a bar inside another is a line of it
            console = Console(stderr=True)
            _drawn.append(
                stack.enter_context(
                    Progress(console=console, transient=True, disable=not console.is_terminal)
                )
            )
            stack.callback(_drawn.clear)
        shown = _drawn[0]
        number = shown.add_task(task)
        stack.callback(shown.remove_task, number)

        def show(done: float, total: float, remark: str) -> None:
            shown.update(
                number, completed=done, total=total, description=f"{task}: {escape(remark)}"
            )

        yield show


@contextmanager
def counted(task: str) -> Iterator[Tell]:
    """Shows a bar of samples with their rate while the block lasts, see `bar` and `_progress.shown`."""
    pace = Pace()
    with bar(task) as show:
        yield lambda done, total: show(done, total, pace.words(done, total))


def say(message: str) -> None:
    """Prints a remark to standard error, so that results stay alone on standard output."""
    print(message, file=sys.stderr)
