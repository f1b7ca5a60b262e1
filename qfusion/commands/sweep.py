"""`sweep`: search settings in many trainings that processes and machines share."""

from __future__ import annotations

import subprocess
from typing import Annotated

import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check
from qfusion.commands.common import Address
from qfusion.commands.printing import Json, number, print_remark, print_result, progress_bar, table
from qfusion.commands.training_plan import parse_settings


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
    cluster: Address = "",
    queue: Annotated[
        bool, typer.Option("--queue", help="Wait until a processor is free among your queued runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Search settings by validation loss; trials that do worse than the median are stopped early. Killed, the same
    command goes on."""
    check(
        not cluster or (jobs == 1 and not queue),
        "Argument `--cluster` has its workers train, without --jobs and --queue. Give either.",
    )
    if data is None:
        check(
            not (ranges or choices or assign or seed)
            and (model, metric) == ("quantum-jump", "loss"),
            "Say what to train on: --data NAME. Without it a sweep that was begun goes on as it is.",
        )
        match = qfusion.runs.sweeps.find(name, storage)
        if trials is not None:
            match = qfusion.runs.sweeps.begin(name, match.search, trials, storage)
    else:
        match = qfusion.runs.sweeps.begin(
            name,
            qfusion.runs.search_space.read_search(
                data,
                model,
                parse_settings(assign or [], qfusion.runs.plans.default_settings(data, model)),
                ranges or [],
                choices or [],
                metric,
                seed,
            ),
            trials or 20,
            storage,
        )
    qfusion.runs.sweeps.resume(match)
    _run_sweep(match, jobs, queue, cluster)
    best = match.best()
    attempts = match.attempts()
    states = {
        state: sum(a.state == state for a in attempts)
        for state in ("finished", "pruned", "failed", "waiting", "running")
    }
    command = None if best is None else match.command(best)
    print_remark(", ".join(f"{count} {state}" for state, count in states.items() if count))
    print_result(
        {
            "name": match.name,
            "data": match.search.data,
            "model": match.search.model,
            "metric": match.search.metric,
            "direction": match.search.direction,
            "trials": states,
            "best": None
            if best is None
            else {
                "trial": best.number,
                "value": best.value,
                "seed": best.seed,
                "tried": best.tried,
                "settings": match.settings(best),
            },
            "command": command,
        },
        as_json,
        _ranking_table(match, attempts),
        *([command] if command else []),
    )


def _run_sweep(sweep: qfusion.runs.sweeps.Sweep, jobs: int, queue: bool, cluster: str) -> None:
    """Takes part with so many processes, those that were started here end with this one; or has a cluster do it."""
    started: list[subprocess.Popen[bytes]] = []
    with progress_bar("Sweep") as show, qfusion.runs.cluster.connected(cluster) as client:

        def count(trial: int = 0, now: qfusion.training.Progress | None = None) -> None:
            show(
                sum(a.state not in ("waiting", "running") for a in sweep.attempts()),
                sweep.trials,
                f"trial {trial}, epoch {now.epoch} of {now.epochs}" if now else "over a cluster",
            )

        try:
            if client is None:
                started += [
                    qfusion.runs.sweeps.launch_worker(sweep.name, sweep.storage)
                    for _ in range(jobs - 1)
                ]
                qfusion.runs.sweeps.run_trials(sweep, count, queue)
            else:
                qfusion.runs.sweeps.run_trials_on_cluster(client, sweep, count)
            for process in started:
                process.wait()
        except BaseException:
            for process in started:
                process.terminate()
            if client is not None:  # its workers leave their trials, as those do
                qfusion.runs.sweeps.stop(sweep)
            raise


def _ranking_table(
    sweep: qfusion.runs.sweeps.Sweep, attempts: list[qfusion.runs.sweeps.Attempt]
) -> RenderableType:
    sign = 1 if sweep.search.direction == "minimize" else -1
    ranked = sorted(
        attempts,
        key=lambda a: (a.state != "finished", a.state != "pruned", sign * (a.value or 0.0)),
    )
    keys = list(sweep.search.space)
    return table(
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
            for a in ranked[:10]
        ],
        f"{sweep.name}: {sweep.search.model} on {sweep.search.data}, {len(attempts)} trials",
    )
