"""What commands share: how they print, what they load, and the options that take a modality away or corrupt it.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

import qfusion
from qfusion import _files
from qfusion._checks import check, read_pairs, require_number
from qfusion._sentences import Pace, Tell

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


# How commands print: results to standard output, everything else to standard error.

_drawn: list[Progress] = []  # the bars of this process, where some are
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, alone on standard output.")
]


def example(*lines: str) -> str:
    """Returns the closing words of a command's help: how it is called."""
    return "Example: " + "; ".join(
        f"[bold]python -m qfusion {escape(line)}[/bold]" for line in lines
    )


def number(value: Any, digits: int = 3) -> str:
    """Returns a number for a table, `-` where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> RenderableType:
    """Returns a table, below its title."""
    cells = Table(*columns)
    for row in rows:
        cells.add_row(*map(str, row))
    return Group(Text(title, style="bold"), cells) if title else cells


def metrics_table(
    columns: Sequence[str], measured: Sequence[Mapping[str, float]], title: str = ""
) -> RenderableType:
    """Returns a table of metrics, a row each, with a column for each of several measurements."""
    return table(
        columns,
        [
            [label.short, *(number(values[key]) for values in measured)]
            for key, label in qfusion.training.metrics.labels(measured[-1]).items()
        ],
        title,
    )


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
        line = shown.add_task(task)
        stack.callback(shown.remove_task, line)

        def show(done: float, total: float, remark: str) -> None:
            shown.update(line, completed=done, total=total, description=f"{task}: {escape(remark)}")

        yield show


@contextmanager
def counted(task: str) -> Iterator[Tell]:
    """Shows a bar of samples with their rate while the block lasts, see `bar` and `_sentences.progress_to`."""
    pace = Pace()
    with bar(task) as show:
        yield lambda done, total: show(done, total, pace.words(done, total))


def json_text(result: Any) -> str:
    """Return a JSON document: NumPy's numbers and arrays become Python's, NaN and infinity null."""
    return json.dumps(_as_json(result), indent=2, allow_nan=False)


def _as_json(value: Any) -> Any:
    """Return a value as JSON's types."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _as_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_as_json(entry) for entry in value]
    if hasattr(value, "tolist"):  # an array, a number of NumPy's, a tensor, a column
        return _as_json(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not of JSON")


def print_result(result: Any, as_json: bool, *words: str | RenderableType) -> None:
    """Prints `result` as one JSON document, or what says it: lines and tables, as written whatever markup they look
    like."""
    if as_json:
        print(json_text(result))
        return
    console = Console(markup=False, emoji=False, highlight=False)
    for part in words:
        console.print(part, soft_wrap=isinstance(part, str))


def say(message: str) -> None:
    """Prints a remark to standard error, so that results stay alone on standard output."""
    print(message, file=sys.stderr)


# What several commands load: a trained model, its data set, a sample.

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--model",
        metavar="FOLDER",
        help="Open this model too, where it lies: the folder that `train --out` "
        "made, or a card. May be given several times.",
    ),
]


def open_models(models: list[Path] | None) -> None:
    """Adds models to those that are found by name; each must be one, under a name that is free."""
    checkpoint = qfusion.training.checkpoint
    for place in models or []:
        name, card = checkpoint.place_of(place)
        check(
            card.is_file(),
            f"Argument `--model` must name the folder that `train --out` made, or a card, but "
            f"{place} holds no {card.name}. A training that has not ended has no model yet.",
        )
        qfusion.runs.folder.check_free(name)
        checkpoint.load(card)
        check(
            os.pathsep not in str(card.absolute()),
            f"Argument `--model` must name a folder whose path is without '{os.pathsep}', but is {place}. Rename it.",
        )
        os.environ[_files.OPENED] = os.pathsep.join(
            [*map(str, _files.opened_places()), str(card.absolute())]
        )


Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model that `models` lists, or the folder or card of one.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        help="The class that is explained, against all others; A:B explains class A rather than B. "
        "The class decided for unless given."
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
Address = Annotated[
    str,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Share the work with the workers of this Dask scheduler, such as tcp://HOST:8786.",
    ),
]
Split = Annotated[str, typer.Option("--split", metavar="SPLIT", help="train, valid or test.")]
SUFFIXES = (".csv", ".parquet")


def load(
    model: str, data: str | None
) -> tuple[qfusion.training.checkpoint.Checkpoint, qfusion.data.DataSet]:
    """Returns a trained model and the data set to use it on, by default the one of its card.

    Raises:
        NotFound: when either does not exist.
        InvalidInput: when the model was trained on a file and `data` does not say which.
    """
    trained, dataset = qfusion.analysis.opening.load_model_and_data(model, data)
    warning = qfusion.analysis.opening.other_version(trained, dataset)
    if warning:
        say(f"qfusion: warning: {warning}")
    return trained, dataset


@dataclass(frozen=True)
class Opened:
    """What rows are asked about: a trained model, in a `way` of its evolution, on a data set, against a background.

    Attributes:
        words: the arguments of `opened` that open it elsewhere, too.
        group: processes that share the rows.
    """

    trained: qfusion.training.checkpoint.Checkpoint
    dataset: qfusion.data.DataSet
    words: tuple[Any, ...]
    group: qfusion.training.processes.Group

    @cached_property
    def explained(self) -> qfusion.models.FusionModel:
        """The model whose scores are explained: of a classifier one whose scores are log-odds."""
        return cast(
            "qfusion.models.FusionModel",
            qfusion.analysis.study.explained_model(self.trained.model, self.dataset),
        )

    @cached_property
    def behind(self) -> qfusion.explain.Background:
        """What stands for absent modalities: rows that the model was trained on, or one other sample."""
        model, dataset, contrast = self.trained.model, self.dataset, self.words[4]
        if contrast is None:
            return qfusion.explain.backgrounds.background_of(
                model, dataset, dataset.rows(self.trained_on), self.words[3], group=self.group
            )
        return qfusion.explain.background(
            model, inputs(dataset, [dataset.row(contrast)]), "contrast", label=contrast
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty for a regression."""
        target = self.dataset.target
        return target.classes if target.kind == "classification" else ()

    @property
    def trained_on(self) -> str:
        """The split that the model was trained on."""
        return qfusion.training.checkpoint.training_split(self.trained.card)

    @property
    def digests(self) -> str:
        """Tell model and data from others of their names."""
        return f"{self.trained.card['weights_sha256'][:12]} and {self.dataset.digest[:12]}"

    def others(self, rows: np.ndarray) -> np.ndarray:
        """Returns all rows of the split of some, among which modalities are swapped."""
        return self.dataset.rows(str(self.dataset.split[rows[0]]))

    def by_chunks(self, work: Any, rows: np.ndarray, client: Any) -> Iterator[tuple[int, Any]]:
        """Yields number and result of chunks of rows in their order, those of this process or all by a cluster.

        Args:
            work: what is asked of this and of the rows of a chunk; where workers do it, a function of a module, of
                which arguments may be bound. client: of `runs.cluster.connected`.
        """
        parts = qfusion.explain.backgrounds.chunks(rows, self.group)
        if client is None:
            return ((place, work(self, part)) for place, part in parts)
        return qfusion.runs.cluster.over(
            client, _at, ((work, self.digests, self.words, part) for _, part in parts)
        )


def opened(
    model: str,
    data: str | None,
    way: str = "auto",
    background: str = qfusion.explain.backgrounds.DEFAULT,
    contrast: str | None = None,
    group: qfusion.training.processes.Group | None = None,
    digests: str = "",
) -> Opened:
    """Returns a model on its data, by the options of commands; where `digests` are given, with these.

    Raises:
        NotFound, InvalidInput: see `load`; also when the model has no evolution that has a `way`.
    """
    trained, dataset = load(model, data)
    if way != "auto":
        trained = replace(
            trained,
            model=qfusion.models.require(
                trained.model, "time", "whose way could be chosen", "Option `--way`: the model"
            ).by(way),
        )
    result = Opened(
        trained,
        dataset,
        (*map(_placed, (model, data)), way, background, contrast),
        group or qfusion.training.processes.ALONE,
    )
    check(
        digests in ("", result.digests),
        f"Model or data of that name are others there: their digests are {result.digests}, not {digests}.",
    )
    return result


def _placed(word: str | None) -> str | None:
    """The whole path of a file, or of a trained model's folder, for processes that work elsewhere."""
    path = Path(word or "")
    is_one = path.is_file() or (path / qfusion.training.checkpoint.CARD).is_file()
    return str(path.absolute()) if is_one else word


_opened_once = lru_cache(maxsize=1)(opened)  # on a worker


def _at(work: Any, digests: str, words: Any, rows: Any) -> Any:
    return work(_opened_once(*words, digests=digests), rows)


def inputs(dataset: qfusion.data.DataSet, rows: Any) -> dict[str, Any]:
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


def write_chunks(
    chunks: Iterable[tuple[int, pd.DataFrame]], out: Path, group: qfusion.training.processes.Group
) -> None:
    """Writes a table from numbered chunks in their order, whole or not at all; every process gives its own chunks.

    One process alone holds one chunk at a time; of several the leading one writes what all have made.

    Raises:
        InvalidInput: when the file cannot be written.
    """
    if group.size > 1:
        chunks = sorted(group.collected(dict(chunks)).items(), key=lambda chunk: chunk[0])
    if group.leads:
        write_table((frame for _, frame in chunks), out)


def write_table(frames: Iterable[pd.DataFrame], out: Path) -> None:
    """Writes a table as its ending says, one part after the other, whole or not at all.

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
    say(f"{rows} rows written to {out}")


# The options of `evaluate` and `explain` that take a modality away or corrupt it.

Missing = Annotated[
    list[str] | None,
    typer.Option(
        "--missing", metavar="MODALITY", help="Leave a modality out; may be given several times."
    ),
]
Swap = Annotated[
    list[str] | None,
    typer.Option(
        "--swap",
        metavar="MODALITY",
        help="Take a modality from another sample of the split; may be given several times.",
    ),
]
Noise = Annotated[
    list[str] | None,
    typer.Option(
        "--noise",
        metavar="MODALITY=LEVEL",
        help="Add Gaussian noise, in standard deviations of each feature; may be given several "
        "times.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of noise and swaps.")]


def disturbance(
    modalities: Sequence[str],
    missing: list[str] | None,
    swap: list[str] | None,
    noise: list[str] | None,
    seed: int,
) -> qfusion.explain.disturbances.Disturbance:
    """Returns what the options ask for.

    Raises:
        NotFound, InvalidInput: when a modality does not exist, or a level is no number.
    """
    levels = read_pairs(
        noise or [], "Argument `--noise`", "MODALITY=LEVEL", f"--noise {modalities[0]}=0.5"
    )
    wanted = qfusion.explain.disturbances.Disturbance(
        tuple(dict.fromkeys(missing or [])),
        swapped=tuple(dict.fromkeys(swap or [])),
        noise={
            name: require_number(
                f"noise[{name}]", level, 0.0, qfusion.explain.disturbances.MAX_NOISE
            )
            for name, level in levels.items()
        },
        seed=seed,
    )
    wanted.validate(modalities)
    return wanted
