"""Trainings that differ in their seed or their settings.

The spread of a model's explanations over training seeds: the other seeds are trained, and their contributions kept.
Settings and data of runs are compared with each other, with the defaults, and with those of the shipped models."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qfusion import _progress, _read_only, data, explain, plugin
from qfusion._checks import check, choose, require_whole
from qfusion._memory_cache import memo
from qfusion.data import DataSet, load as load_data
from qfusion.errors import InvalidInput, default_on_error
from qfusion.explain import stability
from qfusion.models import FusionModel, registry
from qfusion.runs import Plan, find_run, plans, run_training
from qfusion.runs.plans import run_in_process, setting_fields
from qfusion.study import trainings
from qfusion.study.jobs import Job, Task, begin_job
from qfusion.study.opening import build_study, load_checkpoint
from qfusion.study.study import Study
from qfusion.study.trainings import RunStatus
from qfusion.training import (
    Options,
    Progress,
    batches,
    checkpoint,
    checkpoint_cards,
    default_options,
    train,
)
from qfusion.training.options import card_options

SEEDS, MOST = 5, 20  # seeds that a page measures, the first included; most that are measured


def measure_seeds(
    result: checkpoint.Checkpoint,
    dataset: DataSet,
    count: int = SEEDS,
    *,
    device: torch.device | str = "cpu",
    place: Path | None = None,
    trained_card: Callable[[int], Path] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> stability.Stability:
    """Train a model from other seeds, keep the contributions of the test rows by all of them in a file, and return
    them. Progress is reported in epochs, see `progress_shown`.

    Args:
        result: the model, which is the first seed.
        dataset: that it was trained on.
        count: seeds in all; those that the file has already are not trained again.
        device: to train on.
        place: the file to write; beside the model's card unless given.
        trained_card: path of the card of a model of a seed, whether or not it exists; it is taken if it was trained
            alike. By default those of the runs NAME-SEED, see `plans.seed_run_names`.
        notes: more to keep, see `stability.save`.

    Raises:
        InvalidInput: as of `require_measurable`, and when the model is in no file of the reader's own.
    """
    _read_only.check_allowed("train a model")
    card, measured = result.card, None
    require_measurable(dataset, count, card)
    if place is None:
        place = own_place(result.path)
        measured = stability.load_measured(place.stem, card, dataset, result.path)
    if trained_card is None:
        trained_card = partial(sibling_card, result.path, card)
    seeds = seed_numbers(card, count)
    study = seed_study(card, result.model, dataset, seeds[0])
    dividends = {seeds[0]: split_dividends(study)}
    if measured is not None:
        dividends |= dict(zip(measured.seeds, measured.dividends, strict=True))
    missing = [seed for seed in seeds if seed not in dividends]
    epochs = card_options(card, dataset).epochs
    total = epochs * len(missing)
    with _progress.progress_shown("Training seeds") as tell:
        tell(0, total)
        for number, seed in enumerate(missing):

            def show_epoch(progress: Progress, done: int = number * epochs) -> None:
                tell(done + progress.epoch, total)

            model = load_alike(trained_card(seed), card, dataset, seed)
            if model is None:
                model = train_seed(card, dataset, seed, show_epoch, device)
            dividends[seed] = split_dividends(seed_study(card, model, dataset, seed))
            measured = stability.Stability(
                study.modalities,
                study.coalitions,
                tuple(dividends),
                np.array(list(dividends.values())),
                study.explanation_background.samples,
                bool(study.classes),
            )
            stability.save(
                place,
                measured,
                weights=card["weights_sha256"],
                data=dataset.digest,
                notes=notes,
            )
            tell((number + 1) * epochs, total)
    assert measured is not None
    return measured


def seed_numbers(card: Mapping[str, Any], count: int) -> range:
    """Return the numbers of `count` seeds, that of a model first."""
    first = int(card.get("seed", 0))
    return range(first, first + count)


def own_place(card_path: Path | None) -> Path:
    """Return the path of the file of a reader's own model.

    Raises:
        InvalidInput: when the model is in no file, or came with the library.
    """
    check(
        card_path is not None and not checkpoint_cards.is_shipped(card_path),
        "Other seeds are trained of models of your own that are in a file. Train one, or save it.",
    )
    assert card_path is not None
    return card_path.with_suffix(checkpoint_cards.SEEDS)


def require_measurable(
    dataset: DataSet, count: int = SEEDS, card: Mapping[str, Any] | None = None
) -> None:
    """Check that models of several training seeds can be compared on a data set.

    Args:
        dataset: that they are trained on.
        count: seeds in all.
        card: of the model that is the first seed, if it is trained already.

    Raises:
        InvalidInput: when they cannot, with the reason.
    """
    require_whole("seeds", count, 2, MOST)
    if card is not None:
        training = card.get("training", {})
        check(
            bool(training) and card["model"] in registry.names(),
            "The model was not trained here, so it has no other training seeds.",
        )
        check(
            checkpoint_cards.STOPPED not in training,
            f"The model was kept after epoch {training.get(checkpoint_cards.STOPPED)}, before its training ended. "
            "Seeds are compared at the end: finish its run first.",
        )
        check(
            card["data"]["digest"] == dataset.digest,
            "Other seeds need the data that the model was trained on. Choose data set "
            f"'{card['data']['name']}' as it was then.",
        )
    rows = dataset.rows(stability.SPLIT)
    check(
        dataset.target.kind != "classification" or bool(dataset.is_annotated[rows].all()),
        f"Seeds are compared by the true class, which is not known of all test rows of '{dataset.name}'. Choose "
        "another data set.",
    )
    numbers = count * len(rows) * 2 ** len(dataset.names)
    most = stability.MAX_BYTES // np.dtype(np.float32).itemsize
    check(
        numbers < most,
        f"The contributions of {len(rows):,} test rows by {count} seeds are {numbers:,} numbers, and {most:,} are "
        "kept at most. Choose fewer seeds, or a smaller test split.",
    )


def seed_study(card: Mapping[str, Any], model: FusionModel, dataset: DataSet, seed: int) -> Study:
    """Return the study of a model that differs from that of a card in its seed alone. It shares no cached results with
    the model of the card.
    """
    own = {**card, "seed": seed, "weights_sha256": f"{card['weights_sha256']} seed {seed}"}
    return build_study(str(card.get("name", "")), own, model.double().eval(), dataset)


def split_dividends(study: Study) -> np.ndarray:
    """Return the dividends (B, 2^M) of the B test rows: of the only score, or of the log-odds of the true class. The
    background is that of the study's explanation.
    """
    dataset = study.dataset
    blocks = dataset.blocks(dataset.rows(stability.SPLIT))
    dividends = []
    for rows in blocks:
        explanation = explain.explain(study.model, study.inputs(rows), study.explanation_background)
        outputs = dataset.y[rows] if study.classes else np.zeros(len(rows), int)
        dividends.append(explanation.dividends[np.arange(len(rows)), :, outputs])
    return np.concatenate(dividends)


def train_seed(
    card: Mapping[str, Any],
    dataset: DataSet,
    seed: int,
    on_epoch: Callable[[Progress], bool | None] = lambda _: None,
    device: torch.device | str = "cpu",
) -> FusionModel:
    """Return a model with the settings and options of a card, trained from another seed. For `on_epoch` and `device`,
    see `train`.
    """
    options = card_options(card, dataset)
    trained = train(card["model"], dataset, card["settings"], options, seed, on_epoch, device)
    model: FusionModel = trained.model.cpu()
    return model


def sibling_card(card_path: Path | None, card: Mapping[str, Any], seed: int) -> Path:
    """Return the path of the card of the run that differs from a model's in its seed alone, as the Train page names
    several seeds.
    """
    assert card_path is not None
    own = seed_numbers(card, 1)[0]
    _, name = plans.seed_run_names(card_path.stem.removesuffix(f"-{own}"), (own, seed))
    return card_path.with_name(f"{name}.json")


@default_on_error(None)
def load_alike(
    path: Path, card: Mapping[str, Any], dataset: DataSet, seed: int
) -> FusionModel | None:
    """Return the model of a card in a file, or None if there is none or it differs from a model's card in more than the
    seed.

    Args:
        path: of the card in a file. card: of the model. dataset: that it was trained on. seed: of the other model.
    """
    if not path.is_file():
        return None
    other = checkpoint_cards.read_card(path)
    is_alike = (
        other.get("seed") == seed
        and checkpoint_cards.STOPPED not in other.get("training", {})
        and all(other[key] == card[key] for key in ("model", "settings"))
        and other["data"]["digest"] == dataset.digest
        and card_options(other, dataset) == card_options(card, dataset)
    )
    return checkpoint.load(path).fusion if is_alike else None


# In the background of a page.


def find_obstacle(study: Study) -> str:
    """Return why other seeds of a model cannot be trained here, or an empty string if they can."""
    try:
        own_place(study.card_path)
        require_measurable(study.dataset, card=study.card)
    except InvalidInput as error:
        return str(error)
    return ""


@default_on_error(None)
def seconds_for_a_seed(name: str) -> float | None:
    """Return how long the training of a run took, in seconds, or None if no finished run has that name."""
    record = trainings.read_status(find_run(name)).record
    if record is None or record.state != "finished":
        return None
    return sum(float(row["seconds"]) for row in record.history)


def work(name: str, data: str, count: str) -> None:
    """Measure the seeds of a model and print how many epochs are trained."""
    torch.set_num_threads(1)

    def show(done: int, _: int = 0) -> bool:
        print(done, flush=True)
        return True

    with (
        _progress.progress_to(lambda _: nullcontext(show)),
        batches.join_group() as (_, device),
    ):
        measure_seeds(load_checkpoint(name), load_data(data), int(count), device=device)


def seeds_key(study: Study) -> tuple[str, ...]:
    """Return a key that distinguishes this job from others."""
    return "seeds", study.name, study.dataset.name, study.dataset.digest


def begin_seeds(study: Study, count: int = SEEDS) -> Job:
    """Return the measurement of a model's seeds in a separate process, begun by this call or an earlier one. It
    continues even if nobody waits for it.

    Raises:
        InvalidInput: where the server is read-only.
    """
    _read_only.check_allowed("train a model")
    words = [study.name, study.dataset.name, str(count)]
    epochs = card_options(study.card, study.dataset).epochs * (count - 1)
    make = partial(run_in_process, work, words, epochs, "Training seeds")
    return begin_job(seeds_key(study), make, epochs, again=True, training=True)


def differences(
    plans: Mapping[str, Plan], defaults: Callable[[Plan], Mapping[str, Any]]
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Compare what is trained, and how, in every run.

    Args:
        plans: by name of the run.
        defaults: gives the settings that a plan does not name.

    Returns:
        the rows that are not the same in all runs, and all rows, each by run.
    """
    filled = {
        name: {
            "data": plan.data,
            "model": plan.model,
            "seed": plan.seed,
            **defaults(plan),
            **plan.settings,
            **plan.options,
        }
        for name, plan in plans.items()
    }
    rows = list(dict.fromkeys(key for value in filled.values() for key in value))
    table = {
        key: {name: _words(result.get(key)) for name, result in filled.items()} for key in rows
    }
    return [key for key in rows if len(set(table[key].values())) > 1], table


def _words(value: Any) -> str:
    return (
        ""
        if value is None
        else ", ".join(map(str, value))
        if isinstance(value, list | tuple)
        else str(value)
    )


@default_on_error({})
def defaults(plan: Plan, of_data: Callable[[str], Options]) -> dict[str, Any]:
    """Return the default settings of a plan's model and training, or nothing if its kind or data are not known here."""
    return {**registry.settings(plan.model), **of_data(plan.data).model_dump()}


def setting_titles(plans: Iterable[Plan]) -> dict[str, str]:
    """Return the titles of the settings of plans by name, as far as their kinds are known here."""
    return {
        key: field.title or key
        for plan in plans
        if plan.model in registry.KINDS
        for key, field in setting_fields(plan.model).items()
    }


@memo(4, task=Task.LOAD_DATA, stamp=data.stamp)
def load_run_dataset(name: str) -> data.DataSet:
    """Return the data that a run was trained on.

    Raises:
        NotFound: when they are a file given by its path, or are not among the data sets here.
    """
    return data.load(choose("Data set", name, [source.name for source in data.available()]))


@default_on_error("")
def run_loss(entry: RunStatus) -> str:
    """Return the loss that a run minimizes, or an empty text if neither its plan nor its data specify it."""
    assert entry.plan is not None
    return str(
        entry.plan.options.get("loss") or default_options(load_run_dataset(entry.plan.data)).loss
    )


@default_on_error(None)
def count_rows(entry: RunStatus) -> tuple[int, int, tuple[int, int, int]] | None:
    """Return the number of rows for training and for validation, and the sizes of `watched_sizes`; None
    where the data are not available."""
    assert entry.plan is not None
    dataset = load_run_dataset(entry.plan.data)
    train, valid = (
        len(dataset.rows(split))
        for split in ("train+valid" if entry.plan.options.get("refit") else "train", "valid")
    )
    return train, valid, run_training.watched_sizes(train, valid)


def shipped_recipe(data: str, model: str) -> tuple[str, dict[str, Any]]:
    """Return the name and settings of a shipped model of that kind, trained on those data. Both are empty if there
    is none.
    """
    for path in plugin.glob_assets("models", "*.json"):
        card = json.loads(path.read_text(encoding="utf-8"))
        if card.get("model") == model and card["data"].get("name") == data:
            known = setting_fields(model)
            return path.stem, {
                key: value
                for key, value in {**card["settings"], **card.get("training", {})}.items()
                if key in known
            }
    return "", {}
