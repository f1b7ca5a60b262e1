"""`sweep`: search settings in many trainings that processes and machines share."""

from __future__ import annotations

import subprocess
from typing import Annotated, Any

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check
from qfusion._lazy import Library
from qfusion.commands.common import Address
from qfusion.commands.printing import Json, number, print_remark, print_result, progress_bar, table
from qfusion.commands.train import parse_settings

search_space: Any = Library("qfusion.plugins.sweeps.search_space")
sweeps: Any = Library("qfusion.plugins.sweeps.sweeps")


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
            help="Trainings in all, however many processes take part; 20 by default. A "
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
            metavar="ADDRESS",
            help="Database of the sweep, for machines that share it: mysql://, postgresql:// or sqlite://. A file "
            "among your runs by default.",
        ),
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes on this machine.")] = 1,
    cluster: Address = "",
    as_json: Json = False,
) -> None:
    """Search settings by validation loss. Trials that do worse than the median are stopped early. If the search is
    killed, the same command continues it.
    """
    check(
        not cluster or jobs == 1,
        "Argument `--cluster` has its workers train, without --jobs. Give either.",
    )
    if data is None:
        check(
            not (ranges or choices or assign or seed)
            and (model, metric) == ("quantum-jump", "loss"),
            "Say what to train on: --data NAME. Without it a sweep that was begun goes on as it is.",
        )
        match = sweeps.find(name, storage)
        if trials is not None:
            match = sweeps.begin(name, match.search, trials, storage)
    else:
        match = sweeps.begin(
            name,
            search_space.read_search(
                data,
                model,
                parse_settings(assign or []),
                ranges or [],
                choices or [],
                metric,
                seed,
            ),
            trials or 20,
            storage,
        )
    sweeps.resume(match)
    _run_sweep(match, jobs, cluster)
    _print_sweep(match, as_json)


def _print_sweep(sweep: sweeps.Sweep, as_json: bool) -> None:
    """Print the states of all trials, the best of them, and the command that trains with its settings."""
    best = sweep.best()
    attempts = sweep.attempts()
    states = {
        state: sum(attempt.state == state for attempt in attempts)
        for state in ("finished", "pruned", "failed", "waiting", "running")
    }
    print_remark(", ".join(f"{count} {state}" for state, count in states.items() if count))
    lines: list[str | RenderableType] = [_ranking_table(sweep, attempts)]
    record: dict[str, Any] = {
        "name": sweep.name,
        "data": sweep.search.data,
        "model": sweep.search.model,
        "metric": sweep.search.metric,
        "direction": sweep.search.direction,
        "trials": states,
        "best": None,
        "command": None,
    }
    if best is not None:
        record["best"] = {
            "trial": best.number,
            "value": best.value,
            "seed": best.seed,
            "tried": best.tried,
            "settings": sweep.settings(best),
        }
        record["command"] = sweep.command(best)
        lines.append(record["command"])
    print_result(record, as_json, *lines)


def _run_sweep(sweep: sweeps.Sweep, jobs: int, cluster: str) -> None:
    """Run trials in `jobs` processes of this machine, which end with this one, or on a cluster."""
    started: list[subprocess.Popen[bytes]] = []
    with progress_bar("Sweep") as show, qfusion.runs.cluster.connect(cluster) as client:

        def count(trial: int = 0, now: qfusion.training.Progress | None = None) -> None:
            ended = [a for a in sweep.attempts() if a.state not in ("waiting", "running")]
            remark = "over a cluster"
            if now is not None:
                remark = f"trial {trial}, epoch {now.epoch} of {now.epochs}"
            show(len(ended), sweep.trials, remark)

        try:
            if client is None:
                started += [
                    sweeps.launch_worker(sweep.name, sweep.storage) for _ in range(jobs - 1)
                ]
                sweeps.run_trials(sweep, count)
            else:
                sweeps.run_trials_on_cluster(client, sweep, count)
            for process in started:
                process.wait()
        except BaseException:
            for process in started:
                process.terminate()
            if client is not None:  # its workers leave their trials, as those do
                sweeps.stop(sweep)
            raise


def _ranking_table(sweep: sweeps.Sweep, attempts: list[sweeps.Attempt]) -> RenderableType:
    sign = 1 if sweep.search.direction == "minimize" else -1
    ranked = sorted(
        attempts,
        key=lambda a: (a.state != "finished", a.state != "pruned", sign * (a.value or 0.0)),
    )
    keys = list(sweep.search.space)
    rows = []
    for attempt in ranked[:10]:
        values = []
        for key in keys:
            value = attempt.tried.get(key, "")
            values.append(f"{value:.4g}" if isinstance(value, float) else value)
        rows.append(
            [
                attempt.number,
                number(attempt.value, 4),
                *values,
                len(attempt.history),
                attempt.message[:60] or attempt.state,
            ]
        )
    return table(
        ["Trial", f"Validation {sweep.search.metric}", *keys, "Epochs", "State"],
        rows,
        f"{sweep.name}: {sweep.search.model} on {sweep.search.data}, {len(attempts)} trials",
    )
