"""`models`, `evaluate`, `model`, `export`, `train`, `sweep`: what models there are, how good one is, taking one in,
giving one away, making one, and trying settings in many trainings.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check, choose, read_toml
from qfusion._files import write_file
from qfusion._sentences import Pace
from qfusion.commands.common import (
    Address,
    Data,
    Json,
    Missing,
    Model,
    Noise,
    Opened,
    Seed,
    Split,
    Swap,
    bar,
    disturbance,
    example,
    load,
    metrics_table,
    number,
    opened,
    print_result,
    say,
    table,
)
from qfusion.errors import collect_errors, translate_errors

# `models`, `evaluate`: what models there are, measuring one.


def cards() -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the cards of the trained models, without what was kept of them after epochs; and of those that cannot be
    read why."""
    checkpoint = qfusion.training.checkpoint
    known, problems = list[dict[str, Any]](), list[str]()
    for name in checkpoint.available():
        with collect_errors(problems, f"Model '{name}' is left out"):
            known += [] if checkpoint.AFTER in name else [checkpoint.card(name)]
    return known, problems


def models(as_json: Json = False) -> None:
    """List the trained models, shipped and your own, with their test metrics over seeds."""
    known, problems = cards()
    for words in problems:
        say(f"qfusion: warning: {words}")
    print_result(
        known,
        as_json,
        table(
            ["Name", "Title", "Data", "Seeds", "Test metrics"],
            [
                [c["name"], c["title"], c["data"]["name"], len(c["seeds"]), _spread(c)]
                for c in known
            ],
        ),
    )


def _spread(card: dict) -> str:
    metrics, labels = card["metrics"].get("test", {}), qfusion.training.metrics.describe
    return "\n".join(
        f"{labels[key].short} {number(metrics[key]['mean'])}"
        + (f" ± {number(metrics[key]['std'])}" if len(card["seeds"]) > 1 else "")
        for key in ("acc2_non0", "acc2", "mae", "corr", "accuracy")  # the rest is on the card
        if key in metrics
    )


def evaluate(
    model: Model,
    data: Data = None,
    split: Split = "test",
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    way: Annotated[
        str,
        typer.Option(
            "--way",
            metavar="WAY",
            help="How an evolution is worked out: observables (once for all samples), states "
            "(of each sample), trajectories (sampled), or auto: the cheapest.",
        ),
    ] = "auto",
    cluster: Address = "",
    as_json: Json = False,
) -> None:
    """Measure a trained model on one split of a data set, as recorded or with modalities absent, swapped or noisy."""
    with (
        qfusion.training.processes.joined("cpu") as (group, _),
        qfusion.runs.cluster.connected(cluster) as client,
    ):
        here = opened(model, data, way, group=group)
        trained, dataset = here.trained, here.dataset
        wanted = disturbance(dataset.names, missing, swap, noise, seed)
        rows, how = dataset.rows(split), None
        if qfusion.models.can(trained.model, "time"):
            how = trained.model.choice(min(len(rows), qfusion.explain.disturbances.BATCH))
        parts = group.collected(dict(here.by_chunks(partial(_scores, wanted), rows, client)))
        measured = qfusion.training.metrics.of_rows(
            dataset, rows, np.concatenate([parts[place] for place in sorted(parts)])
        )
        if not group.leads:
            return
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "split": split,
            "n": len(rows),
            "disturbance": wanted.words,
            "convention": dataset.target.convention,
            "metrics": measured,
            **({} if how is None else {"way": how.way}),
        },
        as_json,
        metrics_table(
            ["Metric", "Value"],
            [measured],
            f"{model} on {dataset.name}, {split}, {len(rows)} samples, {wanted.words}",
        ),
    )
    if how is not None and not as_json:
        say(how.why + (_scatter(trained.model, dataset, rows) if how.way == "trajectories" else ""))


def _scores(wanted: Any, of: Opened, part: np.ndarray) -> np.ndarray:
    """The scores of some rows of a split, here or on a worker."""
    return qfusion.explain.disturbances.scores(
        of.trained.model,
        of.dataset,
        part,
        wanted,
        of.trained_on,
        of.behind if wanted.missing else None,
        of.others(part),
    )


def _scatter(model: Any, dataset: Any, rows: np.ndarray) -> str:
    """What sampling leaves, from a few rows."""
    estimate = model.estimate(dataset.inputs(rows[:16], dtype=next(model.parameters()).dtype))
    return (
        f" {estimate.trajectories} trajectories of each sample leave a standard error of about "
        f"{float(estimate.errors.mean()):.2g} in a score."
    )


# `model`: importing a model that was trained elsewhere.

app = typer.Typer(
    no_args_is_help=True, help="Import a model that was trained elsewhere, or remove it."
)


@app.command(
    "import",
    epilog=example(
        "model import mult.pt2 --data planted --name my-mult",
        "model import mult.pt2 --data planted --name my-mult --card mult.toml",
        "model import my_package.models:make --weights weights.safetensors --data mosi --name mine",
    ),
)
def import_(
    program: Annotated[
        str,
        typer.Argument(
            metavar="PROGRAM",
            help="An .onnx file, a .pt2 file of "
            "torch.export, whose loading runs what it "
            "holds, or PACKAGE.MODULE:FACTORY, whose "
            "code is run.",
        ),
    ],
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="Data set whose modalities go in.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the model is to be called.")
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            "--card",
            metavar="FILE",
            help="The card, corrected; without it one is guessed and written.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="State dictionary of a factory's model, as safetensors.",
        ),
    ] = None,
    adapter: Annotated[
        str,
        typer.Option(
            "--adapter",
            metavar="NAME",
            help="How a factory's model is called: "
            "dict, mmsa or multibench; by its "
            "arguments unless given.",
        ),
    ] = "",
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="What a person calls the model.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Keep it in a folder of its own instead of among your models.",
        ),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Check the program and its card, and keep nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the imported model of that name give way.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a program: its inputs are matched to a data set's modalities by a card, checked on ten rows, and kept
    among the models."""
    from qfusion.training import imports

    check(
        check_only or name is not None,
        "Argument `--name` must say what the model is to be called. Add --name "
        "NAME, or --check-only.",
    )
    if name is not None and not check_only:
        imports.check_name(name, out, replace)
    dataset = qfusion.data.load(data)
    corrected = None if card is None else imports.read_card(card)
    written = _card_path(program)
    try:
        taken = imports.take(program, dataset, corrected, weights, adapter)
    except imports.Unfit as error:
        imports.write_card(error.card, written)
        say(f"A first card is written to {written}; correct it and add --card {written}.")
        raise
    if corrected is None:
        imports.write_card(taken.model.card, written)
    for warning in taken.warnings:
        say(f"qfusion: warning: {warning}")
    stored = None
    if not check_only:
        place = imports.keep(taken, dataset, str(name), out, title, replace)
        stored = {
            "name": name,
            "path": str(place),
            "metrics": qfusion.training.checkpoint.card(place)["this_seed"].get("test", {}),
        }
    print_result(imports.summary(taken, stored), as_json, *_words(taken, stored, dataset.title))
    if corrected is None:
        say(
            f"The card was guessed and is written to {written}; where it is wrong, correct it, and add --card "
            f"{written} --replace."
        )
    if stored is not None:
        called = name if out is None else place
        say(f"Kept as {called}; use it as --model {called}.")


def _card_path(program: str) -> Path:
    path = Path(program)
    factory = program.rpartition(":")[2] if ":" in program else path.stem
    return path.with_suffix(".toml") if path.exists() else Path(f"{factory}.toml")


def _words(taken: Any, stored: dict[str, Any] | None, title: str) -> list[Any]:
    words = [
        table(
            ["Input", "Modality", "Gives", "Axes", "Type"],
            [
                [
                    entry.name,
                    " and ".join(entry.modality),
                    entry.gives,
                    " x ".join(map(str, entry.axes)),
                    entry.dtype,
                ]
                for entry in taken.model.card.inputs
            ],
            f"{taken.source} on {title}",
        ),
        *taken.remarks,
        "Scores of ten rows are finite, repeat, and do not depend on one another.",
    ]
    if stored and stored["metrics"]:
        words.append(metrics_table(["Metric", "Test"], [stored["metrics"]]))
    return words


@app.command(epilog=example("model remove my-mult"))
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an imported model.")],
    as_json: Json = False,
) -> None:
    """Remove an imported model; the file that it was imported from stays."""
    place = qfusion.training.imports.remove(name)
    print_result({"model": name, "removed": str(place)}, as_json, f"{name} is removed from {place}")


# `export`: a trained model, tweaked or not, for use elsewhere.


def export(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="What to write; of a checkpoint the card, or a .zip with card and weights.",
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="checkpoint, torch, qutip, openqasm3, openqasm2, quantikz or numpy.",
        ),
    ],
    data: Data = None,
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample",
            metavar="ID",
            help="Id of the sample, for qutip, openqasm, quantikz and numpy.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What to change in the model: H.text-audio=0.5, D.text=2 or T=1.2 of a quantum-jump model; "
            "2.011=1.57, 3:and or all:or of an entangled-qcnn. May be given several times.",
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Of a torch program: double or single.")
    ] = "double",
    centred: Annotated[
        bool,
        typer.Option(
            "--centred",
            help="Subtract what all classes share from the scores of a classifier; probabilities stay as they are.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model, as trained or tweaked, as a checkpoint, a program of torch, QuTiP objects, OpenQASM or NumPy
    arrays."""
    formats = qfusion.model_export
    wanted = formats.FORMATS[choose("Format", kind, formats.FORMATS)]
    choose("Precision", precision, formats.PRECISIONS)
    check(
        kind == "torch" or precision == "double",
        f"Argument `--precision` is of a torch program, and not of format '{kind}'. Leave it out.",
    )
    endings = (".json", ".zip") if kind == "checkpoint" else (wanted.ending,)
    check(
        out.suffix.lower() in endings,
        f"Argument `--out` must end in {' or '.join(endings)} for format {kind}, but is {out.name!r}.",
    )
    check(
        wanted.of_sample or sample is None,
        f"Format '{kind}' is of the model, not of one sample. Leave `--sample` out.",
    )
    trained, dataset = load(model, data)
    tweak = ",".join(set_ or [])
    if kind == "checkpoint" and out.suffix.lower() == ".json":
        formats.save(out, trained, tweak, dataset, centred)
    else:
        write_file(
            out,
            formats.make(
                kind,
                trained,
                dataset,
                tweak=tweak,
                sample=sample or "",
                model_name=out.stem if kind == "checkpoint" else "",
                precision=precision,
                centred=centred,
            ),
        )
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "format": kind,
            "sample": sample,
            "tweak": tweak,
            "centred": centred,
            "out": str(out),
        },
        as_json,
    )
    say(f"{wanted.title} of {model}{f', tweaked by {tweak}' if tweak else ''} written to {out}")


# `train`: makes a model and keeps it in a folder of its own.

SOME = 3.0  # seconds: of an epoch that lasts longer the rate is shown


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
        str | None, typer.Option(metavar="KIND", help="Kind of model; quantum-jump unless given.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of every random number; 0 unless given.")
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
    events: Annotated[
        bool,
        typer.Option(
            "--events", help="Write event files that TensorBoard reads (needs tensorboard)."
        ),
    ] = False,
    queue: Annotated[
        bool,
        typer.Option(
            "--queue", help="Wait until a processor is free among your other queued runs."
        ),
    ] = False,
    find_rate: Annotated[
        bool,
        typer.Option(
            "--find-rate",
            help="Train nothing that is kept: let the learning rate grow over "
            "120 steps and suggest one.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model; its folder then stands for it wherever --model is asked for. Killed or stopped with Ctrl-C, it
    goes on with --resume.

    Under `torchrun --nproc-per-node=N -m qfusion train ...` N processes share every batch.
    """
    if find_rate:
        check(
            not (resume or out or name or replay or events or queue) and device == "auto",
            "Argument `--find-rate` keeps nothing and runs here: leave out --out, --name, --resume, --replay, "
            "--events, --queue and --device.",
        )
        _find_rate(_plan(data, model, seed, assign or [], config), as_json)
        return
    with qfusion.training.processes.joined(device) as (group, place):
        check(
            resume is None
            or not (data or out or name or model or config or assign or replay or seed is not None),
            "Argument `--resume` goes on with what was begun: leave out --data, --out, --name, --model, --seed, "
            "--set, --replay and --config.",
        )
        folder = Path()
        if group.leads and resume is None:
            check(
                (out is None) != (name is None),
                "Give either `--out DIR`, a folder for the model, or `--name NAME`, to keep it among your runs.",
            )
            plan = _plan(data, model, seed, assign or [], config, replay)
            modalities = qfusion.data.load(plan.data).names
            sentence = qfusion.data.coalition_terms.describe_coalition_count(len(modalities))
            if sentence:
                say(sentence)
            folder = qfusion.runs.create_run(plan, out, name or "").path
        elif group.leads:  # a run's folder, or the name of one of the user's
            folder = (
                Path(str(resume))
                if Path(str(resume), "plan.json").is_file()
                else qfusion.runs.find_run(str(resume)).path
            )
        run = qfusion.runs.Run(Path(group.agreed(str(folder))))
        with bar("Training") as show:
            shown = _Shown(show)
            measured = qfusion.runs.train_run(
                run, shown.epoch, group, place, events, queue, shown.batch
            )
        if not group.leads:
            return
    record, plan = run.record(), run.plan
    if measured:
        say(
            f"Model written to {run.model_path}"
            if run.model_path.stem == run.name  # among the user's
            else f"Model written to {run.path}. To open it in the app: qfusion app --model {shlex.quote(str(run.path))}"
        )
        note = json.loads(run.model_path.read_text(encoding="utf-8"))["notes"]
        if note:
            say(note)
    else:
        say(f"Run {run.name} {qfusion.runs.STATES[record.state]}. {record.message}")
    print_result(
        {
            "model": plan.model,
            "data": plan.data,
            "seed": plan.seed,
            "out": str(run.path),
            "state": record.state,
            "epochs": record.epoch,
            "kept": record.best_epoch,
            "metrics": measured,
        },
        as_json,
        *(
            [
                metrics_table(
                    ["Metric", *measured],
                    [*measured.values()],
                    f"{plan.model} on {plan.data}, seed {plan.seed}",
                )
            ]
            if measured
            else []
        ),
    )


class _Shown:
    """A training on a bar: its epochs, and of one that lasts some seconds its rate and the time left."""

    def __init__(self, show: Callable[[float, float, str], None]):
        self._show, self._pace, self._loss = show, Pace(), ""

    def epoch(self, progress: qfusion.training.Progress) -> None:
        """After an epoch."""
        self._loss = f", validation loss {progress.valid_loss:.3f}"
        self._show(progress.epoch, progress.epochs, f"epoch {progress.epoch}{self._loss}")

    def batch(self, epoch: int, epochs: int, done: int, total: int) -> None:
        """As an epoch begins, and after each of its batches."""
        if not done:
            self._pace = Pace()
        elif self._pace.seconds > SOME:
            self._show(
                epoch - 1 + done / total,
                epochs,
                f"epoch {epoch}, {self._pace.words(done, total)}{self._loss}",
            )


def _find_rate(plan: qfusion.runs.Plan, as_json: bool) -> None:
    dataset = qfusion.data.load(plan.data)
    with bar("Learning rate") as show:
        rate = qfusion.training.find_rate(
            plan.model,
            dataset,
            plan.settings,
            qfusion.training.options.chosen(dataset, plan.options),
            plan.seed,
            on_step=lambda done, total: show(done, total, f"step {done}"),
        )
    print_result(
        {
            "model": plan.model,
            "data": plan.data,
            "seed": plan.seed,
            "suggestion": rate.suggestion,
            "rates": rate.rates,
            "losses": rate.losses,
            "smoothed": rate.smoothed,
        },
        as_json,
        table(
            ["Rate", "Loss", "Smoothed"],
            [
                [f"{rate.rates[n]:.2e}", number(rate.losses[n], 4), number(rate.smoothed[n], 4)]
                for n in range(0, len(rate.rates), 10)
            ],
            f"{plan.model} on {plan.data}, seed {plan.seed}",
        ),
    )
    say(
        f"The loss falls most steeply at a rate of {rate.suggestion:.2g}: --set rate={rate.suggestion:.2g}"
    )


def _plan(
    data: str | None,
    model: str | None,
    seed: int | None,
    assignments: list[str],
    config: Path | None,
    replay: int = 0,
) -> qfusion.runs.Plan:
    """Returns what shall be trained, checked as far as it can be without training."""
    file = _read_config(config)
    data, model = data or file.get("data"), model or str(file.get("model", "quantum-jump"))
    seed = int(file.get("seed", 0)) if seed is None else seed
    check(
        isinstance(data, str),
        "Say what to train on: --data NAME, or data = 'NAME' in the file of --config. See `data list`.",
    )
    from_file = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in file.get("set", {}).items()
    ]
    return qfusion.runs.plans.make_plan(
        str(data),
        model,
        _settings(from_file + assignments, qfusion.runs.plans.default_settings(str(data), model)),
        seed,
        replay=replay,
    )


def _settings(assignments: list[str], default: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what `key=value` says of settings, which have these defaults."""
    settings = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        check(
            bool(equals),
            f"Argument `--set` must have the form key=value, but is {word[:80]!r}. Write --set epochs=30, say.",
        )
        key = choose("Setting", key.strip(), default)
        settings[key] = qfusion.runs.plans.parse_value(key, text.strip(), default[key])
    return settings


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


# `sweep`: tries settings in many trainings, shared by processes and machines.


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
                _settings(assign or [], qfusion.runs.plans.default_settings(data, model)),
                ranges or [],
                choices or [],
                metric,
                seed,
            ),
            trials or 20,
            storage,
        )
    qfusion.runs.sweeps.resume(match)
    _study(match, jobs, queue, cluster)
    best = match.best()
    attempts = match.attempts()
    states = {
        state: sum(a.state == state for a in attempts)
        for state in ("finished", "pruned", "failed", "waiting", "running")
    }
    command = None if best is None else match.command(best)
    say(", ".join(f"{count} {state}" for state, count in states.items() if count))
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
        _ranking(match, attempts),
        *([command] if command else []),
    )


def _study(sweep: qfusion.runs.sweeps.Sweep, jobs: int, queue: bool, cluster: str) -> None:
    """Takes part with so many processes, those that were started here end with this one; or has a cluster do it."""
    started: list[subprocess.Popen[bytes]] = []
    with bar("Sweep") as show, qfusion.runs.cluster.connected(cluster) as client:

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


def _ranking(
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
