"""`sweep`: tries settings in many trainings, shared by processes and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qfusion._checks import check, choose
from qfusion.commands._output import Json, bar, number, print_json, print_table, say

if TYPE_CHECKING:
    import subprocess

    from qfusion.runs.sweep import Attempt, Sweep

SHOWN = 10  # trials in the table


def sweep(
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the sweep; one that is there goes on.")
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Data set to train on, as `data list` prints it, or the path of a file. "
            "Left out, --name must have been begun.",
        ),
    ] = None,
    model: Annotated[str, typer.Option(metavar="KIND", help="Kind of model.")] = "quantum-jump",
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Trainings in all, however many processes take part; 20 unless given. A "
            "larger number adds to a sweep that is there.",
        ),
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="KEY=LOW:HIGH[:log][:int]",
            help="A number to search; may be given several times.",
        ),
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--choice",
            metavar="KEY=ONE,TWO",
            help="Values to choose among; may be given several times.",
        ),
    ] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting that is the same in all trials; may be given several times.",
        ),
    ] = None,
    metric: Annotated[
        str,
        typer.Option(help="What trials are judged by, on the validation rows: loss, or a metric."),
    ] = "loss",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the first trial; trial n has the n-th after it.")
    ] = 0,
    storage: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="Where the sweep is kept, for machines that share it: a .journal file "
            "or sqlite://, mysql://, postgresql://. Among your runs unless given.",
        ),
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes on this machine.")] = 1,
    queue: Annotated[
        bool, typer.Option("--queue", help="Wait until a processor is free among your queued runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Search settings by validation loss; trials that do worse than the median are stopped early. Killed, the same
    command goes on."""
    from qfusion.runs import plans, space
    from qfusion.runs import sweep as sweeps

    if data is None:
        check(
            not (ranges or choices or assign),
            "Say what to train on: --data NAME. Without it a sweep that was begun goes on as it is.",
        )
        found = sweeps.find(name, storage)
        if trials is not None:
            found = sweeps.begin(name, found.search, trials, storage)
    else:
        default, fixed = plans.known(data, model), {}
        for word in assign or []:
            key, equals, text = word.partition("=")
            check(
                bool(equals),
                f"Argument `--set` must have the form key=value, but is {word[:80]!r}. Write --set epochs=30, say.",
            )
            key = choose("Setting", key.strip(), default)
            fixed[key] = plans.value(key, text.strip(), default[key])
        found = sweeps.begin(
            name,
            space.read(data, model, fixed, ranges or [], choices or [], metric, seed),
            trials or 20,
            storage,
        )
    sweeps.go_on(found)
    _work(found, jobs, queue)
    best = found.best()
    attempts = found.attempts()
    states = {
        state: sum(a.state == state for a in attempts)
        for state in ("finished", "pruned", "failed", "waiting", "running")
    }
    command = None if best is None else found.command(best)
    if as_json:
        print_json(
            {
                "name": found.name,
                "data": found.search.data,
                "model": found.search.model,
                "metric": found.search.metric,
                "direction": found.search.direction,
                "trials": states,
                "best": None
                if best is None
                else {
                    "trial": best.number,
                    "value": best.value,
                    "seed": best.seed,
                    "tried": best.tried,
                    "settings": found.settings(best),
                },
                "command": command,
            }
        )
        return
    _print(found, attempts)
    say(", ".join(f"{count} {state}" for state, count in states.items() if count))
    if command is not None:
        print(command)


def _work(sweep: Sweep, jobs: int, queue: bool) -> None:
    """Takes part with so many processes; those that were started here end with this one."""
    from qfusion.runs import sweep as sweeps

    started: list[subprocess.Popen[bytes]] = []
    done = sum(a.state not in ("waiting", "running") for a in sweep.attempts())

    def ended(_: Attempt) -> None:
        nonlocal done
        done = sum(a.state not in ("waiting", "running") for a in sweep.attempts())

    try:
        started += [sweeps.launch(sweep.name, sweep.storage) for _ in range(jobs - 1)]
        with bar("Sweep") as show:
            sweeps.work(
                sweep,
                ended,
                lambda trial, progress: show(
                    done,
                    sweep.trials,
                    f"trial {trial}, epoch {progress.epoch} of {progress.epochs}",
                ),
                queue,
            )
        for process in started:
            process.wait()
    except BaseException:
        for process in started:
            process.terminate()
        raise


def _print(sweep: Sweep, attempts: list[Attempt]) -> None:
    sign = 1 if sweep.search.direction == "minimize" else -1
    ranked = sorted(
        attempts,
        key=lambda a: (a.state != "finished", a.state != "pruned", sign * (a.value or 0.0)),
    )
    keys = list(sweep.search.space)
    print_table(
        ["Trial", f"Validation {sweep.search.metric}", *keys, "Epochs", "State"],
        [
            [
                a.number,
                number(a.value, 4),
                *(
                    f"{v:.4g}" if isinstance(v := a.tried.get(key, ""), float) else v
                    for key in keys
                ),
                len(a.history),
                a.message[:60] or a.state,
            ]
            for a in ranked[:SHOWN]
        ],
        title=f"{sweep.name}: {sweep.search.model} on {sweep.search.data}, {len(attempts)} trials",
    )
