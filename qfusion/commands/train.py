"""`train`: train a model and save it in a folder."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import qfusion
from qfusion._checks import check, choose, read_pairs, read_toml
from qfusion._progress import Pace
from qfusion._sentences import share
from qfusion.commands.printing import Json, metrics_table, print_remark, print_result, progress_bar
from qfusion.errors import translate_errors

# Sentences on the states that a run records.
STATES: dict[str, str] = {
    "running": "is being trained",
    "paused": "was paused and can be resumed",
    "stopped": "was stopped; its best model is saved, and it can be resumed",
    "finished": "is finished",
    "failed": "ended with an error",
    "interrupted": "stopped unexpectedly, as when its process is killed; it can be resumed",
}
RUN_STATE = "Run {name} {state}."
NO_EPOCH = " It was stopped before the end of its first epoch."

SLOW_EPOCH = 3.0  # seconds: of an epoch that lasts longer the rate is shown


def train(
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Data set to train on, as `data list` prints it, or the "
            "path of a .mat or .npz file.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the trained model; made if it is missing."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of --out: keep the run among your runs and the model "
            "among your models, where the app finds both.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="KIND", help="Kind of model; quantum-jump by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of every random number; 0 by default.")
    ] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the model or of the training; may be given several times.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="Read data, model, seed and a table [set] from a "
            "file; words of the command line win.",
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with a run: its folder, or one of your runs."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    replay: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="COUNT",
            help="Keep the model after so many epochs, too, evenly spread: NAME@EPOCH, for the cursor over training.",
        ),
    ] = 0,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=20,
            metavar="COUNT",
            help="Train so many seeds in all, --seed the first, and keep how much their explanations "
            "differ. With --resume also of a run that is finished.",
        ),
    ] = None,
    events: Annotated[
        bool,
        typer.Option(
            "--events", help="Write event files that TensorBoard reads (needs tensorboard)."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model. Its folder can then be given wherever --model is asked for. A training that was killed or stopped
    with Ctrl-C continues with --resume.

    Under `torchrun --nproc-per-node=N -m qfusion train ...` N processes share every batch.
    """
    with qfusion.training.batches.join_group(device) as (group, place):
        check(
            resume is None
            or not (data or out or name or model or config or assign or replay or seed is not None),
            "Argument `--resume` goes on with what was begun: leave out --data, --out, --name, --model, --seed, "
            "--set, --replay and --config.",
        )
        check(
            seeds is None or group.size == 1,
            "Argument `--seeds` trains in one process: leave out torchrun, or --seeds.",
        )
        folder = Path()
        if group.leads and resume is None:
            check(
                (out is None) != (name is None),
                "Give either `--out DIR`, a folder for the model, or `--name NAME`, to keep it among your runs.",
            )
            plan = read_plan(data, model, seed, assign or [], config, replay)
            _require_measurable(plan, seeds)
            modalities = qfusion.data.load(plan.data).names
            sentence = qfusion.data.coalition_terms.describe_coalition_count(len(modalities))
            if sentence:
                print_remark(sentence)
            folder = qfusion.runs.create_run(plan, out, name or "").path
        elif group.leads:  # a run's folder, or the name of one of the user's
            folder = Path(str(resume))
            if not (folder / "plan.json").is_file():
                folder = qfusion.runs.find_run(str(resume)).path
            _require_measurable(qfusion.runs.Run(folder).plan, seeds)
        run = qfusion.runs.Run(Path(group.agreed(str(folder))))
        if seeds is not None and run.record().state == "finished":
            measured = qfusion.training.checkpoint_cards.load_card(run.model_path)["this_seed"]
        else:
            with progress_bar("Training") as show:
                training_bar = _TrainingBar(show)
                measured = qfusion.runs.train_run(
                    run, training_bar.epoch, group, place, events, training_bar.batch
                )
        if not group.leads:
            return
        over_seeds = None
        if seeds is not None and run.record().state == "finished":
            over_seeds = _measure_seeds(run, seeds, place)
    _print_run(run, measured, over_seeds, as_json)


def _require_measurable(plan: qfusion.runs.Plan, seeds: int | None) -> None:
    """Check that so many seeds of a plan can be compared, before any is trained."""
    if seeds is not None:
        qfusion.study.seeds.require_measurable(qfusion.data.load(plan.data), seeds)


def _measure_seeds(
    run: qfusion.runs.Run, count: int, device: Any
) -> qfusion.explain.stability.Stability:
    """Train the other seeds of a run that is finished, and return the contributions by all seeds."""
    trained = qfusion.training.checkpoint.load(run.model_path)
    dataset = qfusion.data.load(run.plan.data)
    return qfusion.study.seeds.measure_seeds(trained, dataset, count, device=device)


def _print_run(
    run: qfusion.runs.Run,
    measured: Any,
    over_seeds: qfusion.explain.stability.Stability | None,
    as_json: bool,
) -> None:
    """Print where the model was written, and its metrics; of a run without a model its state."""
    record = run.record()
    plan = run.plan
    tables = []
    if measured:
        if run.model_path.stem == run.name:  # among the reader's models
            print_remark(f"Model written to {run.model_path}")
        else:
            path = shlex.quote(str(run.path))
            print_remark(
                f"Model written to {run.path}. To open it in the app: qfusion app --model {path}"
            )
        if over_seeds is not None:
            print_remark(
                f"Of {len(over_seeds.seeds)} seeds, two say the same of which modality leads on "
                f"{share(over_seeds.leader_agreement())} of the test samples."
            )
        title = f"{plan.model} on {plan.data}, seed {plan.seed}"
        tables.append(metrics_table(["Metric", *measured], list(measured.values()), title))
    else:
        print_remark(describe_run_state(run.name, record))
    seeds = [plan.seed] if over_seeds is None else list(over_seeds.seeds)
    result = {
        "model": plan.model,
        "data": plan.data,
        "seed": plan.seed,
        "seeds": seeds,
        "out": str(run.path),
        "state": record.state,
        "epochs": record.epoch,
        "kept": record.best_epoch,
        "metrics": measured,
    }
    print_result(result, as_json, *tables)


class _TrainingBar:
    """A progress bar of a training, which also shows the rate within slow epochs."""

    def __init__(self, show: Callable[[float, float, str], None]):
        self._show = show
        self._pace = Pace()
        self._loss = ""

    def epoch(self, progress: qfusion.training.Progress) -> None:
        """Show the bar after an epoch."""
        self._loss = f", validation loss {progress.valid_loss:.3f}"
        self._show(progress.epoch, progress.epochs, f"epoch {progress.epoch}{self._loss}")

    def batch(self, epoch: int, epochs: int, done: int, total: int) -> None:
        """Show the bar after a batch. `done` is 0 at the start of an epoch."""
        if not done:
            self._pace = Pace()
        elif self._pace.seconds > SLOW_EPOCH:
            self._show(
                epoch - 1 + done / total,
                epochs,
                f"epoch {epoch}, {self._pace.words(done, total)}{self._loss}",
            )


def read_plan(
    data: str | None,
    model: str | None,
    seed: int | None,
    assignments: list[str],
    config: Path | None,
    replay: int = 0,
) -> qfusion.runs.Plan:
    """Return the plan of a training, checked as far as possible without training."""
    file = _read_config(config)
    data = data or file.get("data")
    model = model or str(file.get("model", "quantum-jump"))
    seed = int(file.get("seed", 0)) if seed is None else seed
    check(
        isinstance(data, str),
        "Say what to train on: --data NAME, or data = 'NAME' in the file of --config. See `data list`.",
    )
    return qfusion.runs.plans.make_plan(
        str(data),
        model,
        {**file.get("set", {}), **parse_settings(assignments)},
        seed,
        replay=replay,
    )


def parse_settings(assignments: list[str]) -> dict[str, str]:
    """Return the texts of settings given as `key=value`."""
    return read_pairs(assignments, "Argument `--set`", "key=value", "--set epochs=30")


def _read_config(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    with translate_errors(
        f"Argument `--config` names {config}, which cannot be read as TOML",
        "Correct it.",
        *(OSError, ValueError),
        why="{words}",
    ):
        file = read_toml(config.read_text(encoding="utf-8"))
    for key in file:
        choose(f"In {config.name}, key", key, ("data", "model", "seed", "set"))
    check(
        isinstance(file.get("set", {}), dict)
        and isinstance(file.get("seed", 0), int)
        and isinstance(file.get("model", ""), str),
        f"File {config.name} must hold data and model as words, seed as a whole number, and settings in a table "
        "[set].",
    )
    return file


def describe_run_state(name: str, record: qfusion.runs.folder.Record) -> str:
    """Return the state of a run, with the message of the process that trained it."""
    words = RUN_STATE.format(name=name, state=STATES[record.state])
    if record.state in ("paused", "stopped") and not record.epoch:
        return words + NO_EPOCH
    return f"{words} {record.message}".rstrip()
