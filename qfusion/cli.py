"""The command line: `python -m qfusion COMMAND`.

Commands live in `qfusion.commands`, a file a group, and import what they need when they run. Here errors become one
line on standard error and an exit code: 2 for a wrong call, 1 for everything else that a user can mend.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from qfusion import _progress
from qfusion.commands import (
    compose,
    dashboard,
    data,
    export,
    figure,
    model,
    models,
    report,
    samples,
    sweep,
    training,
)
from qfusion.commands._output import counted, example
from qfusion.errors import QFusionError, provided

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Multimodal fusion models whose decisions can be explored.",
)
app.command(
    "app",
    epilog=example("app", "app --port 8600 --theme.base dark"),
    context_settings=dashboard.PASSED_ON,
)(dashboard.dashboard)
app.command(epilog=example("models"))(models.models)
app.add_typer(data.app, name="data")
app.add_typer(model.app, name="model")
app.command(epilog=example("train --data planted --out my-model --seed 0 --set epochs=30"))(
    training.train
)
app.command(
    epilog=example(
        "sweep --name first --data planted --trials 20 --range rate=1e-4:1e-2:log --choice evolution=jump,unitary",
        "sweep --name first --jobs 4",
    )
)(sweep.sweep)
app.command(
    epilog=example(
        "evaluate --model qj-mosi --split test --json",
        "evaluate --model qj-mosi --missing text --noise audio=0.5",
    )
)(models.evaluate)
app.command(
    epilog=example(
        "explain --model qj-mosi --sample ID --json",
        "explain --model qj-mosi --split test --out contributions.csv",
    )
)(samples.explain)
app.command(epilog=example("track --model qj-mosi --sample ID --times 101 --out dynamics.csv"))(
    samples.track
)
app.command(
    epilog=example(
        "figure --model qj-planted --sample ID --view over-time --out decision.pdf",
        "figure --recipe decision.pdf --out decision.svg --theme grey",
    )
)(figure.figure)
app.command(
    epilog=example(
        "compose decision.pdf entropy-recipe.json --columns 2 --size aps-double --out figure.pdf",
        "compose --link LINK --panel decision-over-time --panel entropy --out figure.svg",
    )
)(compose.compose)
app.command(
    epilog=example(
        "figures --link LINK --size aps-single --out figures.zip",
        "figures --link LINK --panel decision-over-time --cohort 'relation=conflict' --most 20 "
        "--out conflicts.zip",
    )
)(compose.figures)
app.command(
    epilog=example(
        "report --model qj-planted --sample ID --out report.pdf",
        "report --model qj-planted --cohort 'relation=conflict' --out FOLDER",
    )
)(report.report)
app.command(
    epilog=example(
        "export --model qj-planted --set H.text-audio=0.5 --format checkpoint --out weaker.json",
        "export --model qcnn-digits --sample ID --format openqasm3 --out circuit.qasm",
    )
)(export.export)


def fail(message: str, code: int) -> NoReturn:
    """Prints `message` as one line to standard error and ends the program."""
    if message:  # none where the help was printed instead
        print("qfusion: error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command and ends the program with its exit code.

    Args:
        arguments: the words after the program's name; those of this process unless given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Small kernels on several threads wait for one another: on a busy machine of two cores, 166 s in place of 37.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        with provided(), _progress.to(counted):
            code = app(args=words, prog_name="python -m qfusion", standalone_mode=False)
    except QFusionError as error:
        fail(str(error), 1)
    except typer.TyperException as error:
        fail(error.format_message(), error.exit_code)
    except typer.Abort:
        fail("stopped.", 130)
    except OSError as error:  # a disk that is full, a file that may not be read
        fail(f"{error.filename or 'A file'}: {error.strerror or error}.", 1)
    except MemoryError as error:
        fail(str(error) or "It takes more memory than there is.", 1)
    sys.exit(code or 0)
