"""The command line, `python -m qfusion COMMAND`.

Commands live in `qfusion.commands` and in plugins, and import what they need when they run. Here errors become one
line on standard error and an exit code: 2 for a wrong call, 1 for everything else that a user can mend.
"""

import io
import os
import platform
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn, TextIO

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from qfusion import __version__, _lazy, _progress, plugin
from qfusion.commands.printing import example_text, sample_progress_bar
from qfusion.errors import QFusionError, translate_system_errors
from qfusion.plugin import Command

# Those of the core; plugins add theirs.
COMMANDS: dict[str, Command] = {
    "app": Command(
        "qfusion.commands.dashboard:dashboard",
        ["app", "app --port 8600 --theme.base dark"],
        {"allow_extra_args": True, "ignore_unknown_options": True},  # to Streamlit
    ),
    "models": Command("qfusion.commands.evaluate:models", ["models"]),
    "train": Command(
        "qfusion.commands.train:train",
        ["train --data planted --out my-model --seed 0 --set epochs=30"],
    ),
    "evaluate": Command(
        "qfusion.commands.evaluate:evaluate",
        [
            "evaluate --model qj-mosi --split test --json",
            "evaluate --model qj-mosi --missing text --noise audio=0.5",
        ],
    ),
    "explain": Command(
        "qfusion.commands.explain:explain",
        [
            "explain --model qj-mosi --sample ID --json",
            "explain --model qj-mosi --split test --out contributions.csv",
            "explain --model qj-mosi --split test --out contributions.csv --cluster tcp://HOST:8786",
        ],
    ),
    "track": Command(
        "qfusion.commands.export:track",
        ["track --model qj-mosi --sample ID --times 101 --out dynamics.csv"],
    ),
    "figure": Command(
        "qfusion.commands.figure:figure",
        [
            "figure --model qj-planted --sample ID --view decision-over-time --out decision.pdf",
            "figure --recipe decision.pdf --out decision.svg --theme dark",
        ],
    ),
    "report": Command(
        "qfusion.commands.report:report",
        [
            "report --model qj-planted --sample ID --out report.pdf",
            "report --model qj-planted --sample ID --out FOLDER",
        ],
    ),
    "story": Command(
        "qfusion.commands.report:story",
        [
            "story --model qj-parity --sample ID --out story.html",
            "story --model qj-parity --sample ID --tweak H.left-right=0.5 --out story.html",
        ],
    ),
    "export": Command(
        "qfusion.commands.export:export",
        [
            "export --model qj-planted --set H.text-audio=0.5 --format checkpoint --out weaker.json",
            "export --model qcnn-digits --sample ID --format openqasm3 --out circuit.qasm",
        ],
    ),
    "data": Command("qfusion.commands.data:app", []),
}


class LazyGroup(TyperGroup):
    """The group of all commands. The module of a command is imported when the command is first used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return [name for name in all_commands() if " " not in name]

    def get_command(self, ctx: Any, name: str) -> TyperCommand | TyperGroup | None:
        """Return the command of this name, or None if there is none."""
        command = all_commands().get(name)
        return None if command is None else build_command(name, command)


def all_commands() -> dict[str, Command]:
    """Return the commands of the core and of plugins, by their words: "data extract" is in the group `data`."""
    return COMMANDS | dict(plugin.entries("commands"))


def build_command(words: str, command: Command) -> TyperCommand | TyperGroup:
    """Import the module of a command, and return the command, or the group of commands."""
    content = plugin.load_name(command.function)
    name = words.rpartition(" ")[2]
    if isinstance(content, typer.Typer):
        group = typer.main.get_group(content)
        group.name = name
        for inner_words, inner in plugin.entries("commands"):
            if inner_words.startswith(f"{words} "):
                group.add_command(build_command(inner_words, inner))
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode="rich")
    single.command(name, epilog=example_text(*command.examples), context_settings=command.context)(
        content
    )
    built = typer.main.get_command(single)
    assert isinstance(built, TyperCommand)
    return built


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Multimodal fusion models whose decisions can be explored.",
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"qfusion {__version__}, Python {platform.python_version()}, {platform.platform()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    pass


def fail(message: str, code: int) -> NoReturn:
    """Print `message` as one line to standard error and end the program."""
    if message:  # none where the help was printed instead
        print("qfusion: error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the program with its exit code.

    Args:
        arguments: the words after the program's name; those of this process unless given.
    """
    # Small kernels on several threads wait for one another: on a busy machine of two cores, 166 s in place of 37.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _lazy.collect_rarely()
    _let_print_everything(sys.stdout, "replace")
    _let_print_everything(sys.stderr, "backslashreplace")
    try:
        with translate_system_errors(), _progress.progress_to(sample_progress_bar):
            code = app(
                args=list(sys.argv[1:] if arguments is None else arguments),
                prog_name="python -m qfusion",
                standalone_mode=False,
            )
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


def _let_print_everything(stream: TextIO | None, way: str) -> None:
    """Let a stream print characters that its encoding lacks in another way. They would otherwise end the command.

    A console of Windows, and a pipe there, knows the few characters of its code page. JSON needs nothing of this: it is
    printed in ASCII.
    """
    if not isinstance(stream, io.TextIOWrapper):  # none, or one of a notebook
        return
    is_complete = stream.encoding.lower().replace("-", "").startswith("utf")
    if stream.errors == "strict" or (stream.errors == "surrogateescape" and not is_complete):
        stream.reconfigure(errors=way)
