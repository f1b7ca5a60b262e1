"""Train the twins of a reader's own model in the background.

A finished training is stored (QFUSION_CACHE) under a digest of all that determines it, so a stopped audit resumes.
"""

import json
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch

from qfusion import _disk_cache, _progress, _read_only
from qfusion._checks import check
from qfusion.errors import NotFound
from qfusion.models.jump.quantum_jump import SAMPLING
from qfusion.plugins.why.audit.audit_plan import QCNN, QJ, VARIANTS
from qfusion.plugins.why.audit.twin_runs import Run, Terms, variant_settings
from qfusion.runs.plans import run_in_process
from qfusion.study.jobs import Job, begin_job
from qfusion.study.opening import open_study
from qfusion.study.study import Study
from qfusion.training.options import card_options

RECORDS = "audit"  # of trainings on the disk
SEEDS, MOST = 5, 10  # seeds that a page trains; that are looked for


# The twins of a reader's own model.


def twin_terms(study: Study) -> Terms:
    """Return the terms of a study's model, by its card, which are those that the model itself was trained on.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    card = study.card
    check(
        has_twins(study),
        f"Model {study.name} has no twins without a quantum resource. Choose a model of kind {QJ} whose "
        f"trajectories are not sampled, or of kind {QCNN}.",
        NotFound,
    )
    settings = {key: value for key, value in card["settings"].items() if key not in SAMPLING}
    # below 0 it is as in the hidden layers, which a bilinear head wants said
    if settings.get("input_dropout", 0) < 0:
        settings["input_dropout"] = settings["dropout"]
    return Terms(
        study.dataset.name,
        study.dataset,
        settings,
        card_options(card, study.dataset),
    )


def plan_twin_runs(study: Study, seeds: Iterable[int]) -> list[Run]:
    """Return the trainings of a study's model and its twins, seed by seed, so that the finished ones can be compared. A
    twin that lacks only resources that the model lacks as well is left out.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    terms = twin_terms(study)
    settings = {
        name: variant_settings(terms, name)
        for name, variant in VARIANTS.items()
        if variant.system == study.card["model"]
    }
    names = {(VARIANTS[name].kind, json.dumps(settings[name])): name for name in reversed(settings)}
    return [
        Run(terms, name, seed, settings[name])
        for seed in seeds
        for name in reversed(names.values())
    ]


def load_finished(wanted: Iterable[Run]) -> list[dict[str, Any]]:
    """Return the saved records of those trainings."""
    records = []
    for run in wanted:
        record = _disk_cache.find_record(RECORDS, run.key)
        if record is not None:
            records.append(record | {"variant": run.variant, "seed": run.seed})
    return records


def train_twins(study: Study, seeds: int = SEEDS) -> list[dict[str, Any]]:
    """Train those of a model and its twins that have no saved record, report the progress (see `progress_shown`), and
    return all records.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    wanted = plan_twin_runs(study, range(seeds))
    known = {record["key"] for record in load_finished(wanted)}
    with _progress.progress_shown("Training twins") as tell:

        def now(number: int, *_: Any) -> bool:  # said often, so that whoever cancels need not wait
            tell(number, len(wanted))
            return True

        for number, run in enumerate(wanted):
            if run.key not in known:
                _disk_cache.store_record(RECORDS, run.measure(partial(now, number)))
            now(number + 1)
    return load_finished(wanted)


def work(name: str, data: str, seeds: str) -> None:
    """Train the twins of a model and print how many trainings are done."""
    torch.set_num_threads(1)
    with _progress.progress_to(lambda _: nullcontext(lambda done, _: print(done, flush=True))):
        train_twins(open_study(name, data), int(seeds))


def twins_key(study: Study) -> tuple[str, ...]:
    """Return a key that distinguishes this job from others."""
    return "twins", study.name, study.dataset.name, study.dataset.digest


def begin_twins(study: Study, seeds: int = SEEDS) -> Job:
    """Return the training of twins in a separate process, begun by this call or an earlier one. It continues even if
    nobody waits for it.

    Raises:
        InvalidInput: where the server is read-only.
    """
    _read_only.check_allowed("train a model")
    words = [study.name, study.dataset.name, str(seeds)]
    total = len(plan_twin_runs(study, range(seeds)))
    make = partial(run_in_process, work, words, total, "Training twins")
    return begin_job(twins_key(study), make, total, again=True, training=True)


def has_twins(study: Study) -> bool:
    """Whether there are twins of models of its kind, which are exact: none is made of sampled trajectories."""
    return (
        study.card["model"] in (QJ, QCNN)
        and study.card["settings"].get("dynamics", "master") == "master"
    )
