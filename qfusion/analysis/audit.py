"""Does the quantum part matter? A quantum model against twins that lack a resource, trained on equal terms; and what
the trained model loses when the resource is cut from it. Free of streamlit.

Equal terms: full model and twins have the same encoders, settings, schedule and seeds. Which models are compared stands
in `audit_plan`, what their results say in `audit_rows`.

What was measured with ten seeds ships (benchmarks/audit.py trains it); twins of other models, and on a reader's own
data, are trained here. A training that is finished is kept (QFUSION_CACHE) by all that decides it, so that one that is
stopped goes on where it was.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import _files, _sentences
from qfusion._checks import check, read_json
from qfusion.analysis import audit_rows, trust
from qfusion.analysis.audit_plan import QCNN, QJ, RESOURCES, VARIANTS
from qfusion.analysis.audit_rows import metric_of
from qfusion.analysis.memo import Job, begin_job, in_process, memo, written
from qfusion.analysis.sample import open_study
from qfusion.analysis.study import Study, explained_model
from qfusion.data import DataSet
from qfusion.errors import NotFound, QFusionError, default_on_error
from qfusion.explain import dephasing, fusing
from qfusion.models import build, registry, twins
from qfusion.runs import training_queue
from qfusion.training import Options, default_options, metrics, train

SEEDS, MOST = 5, 10  # seeds that a page trains; that are looked for
NO_RANK = 4096  # most products of a bilinear head
ROWS = 6  # training rows that tell whether a model can only add


# One training of a full model or a twin.


@dataclass(frozen=True)
class Terms:
    """What a full model and its twins share.

    Attributes:
        data: as `qfusion.data.load` takes it. dataset: what that gives.
        whole: the settings of the full model and of the twins as far as their kinds have them. options: of training.
    """

    data: str
    dataset: DataSet
    whole: Mapping[str, Any]
    options: Options


def settings_of(terms: Terms, variant: str) -> dict[str, Any]:
    """Returns the settings of a variant's model: the terms', as far as its kind has them, and what differs."""
    own = VARIANTS[variant]
    known, differs = registry.settings(own.kind), dict(own.settings)
    if variant == "qj-unitary":
        differs["evolution"] = twins.without_jumps(terms.whole.get("evolution", "jump"))
    chosen = {key: value for key, value in {**terms.whole, **differs}.items() if key in known}
    if own.kind != "state-linear":
        return chosen

    def behind(kind: str, settings: Mapping[str, Any]) -> int:
        outputs = terms.dataset.target.classes or ("score",)
        with torch.random.fork_rng():
            return behind_encoders(build(kind, terms.dataset.input_specs, outputs, settings))

    # as many products as give a bilinear head the full model's parameters behind the encoders
    one, two = (behind(own.kind, {**chosen, "rank": rank}) for rank in (1, 2))
    wanted = behind(QJ, settings_of(terms, "qj"))
    return chosen | {"rank": min(NO_RANK, max(1, 1 + round((wanted - one) / (two - one))))}


@dataclass(frozen=True)
class Run:
    """One training: of a variant, by its name, with a seed, on terms, and the settings of its model."""

    terms: Terms
    variant: str
    seed: int
    settings: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        """Changes whenever anything that decides the result does, apart from the code."""
        decides = [
            self.terms.data,
            self.terms.dataset.digest,
            VARIANTS[self.variant].kind,
            self.settings,
            asdict(self.terms.options),
            self.seed,
        ]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:20]

    def measure(self, on_epoch: Callable[[Any], bool | None] = lambda _: None) -> dict[str, Any]:
        """Trains it and returns the record that is kept; of one that fails, why. `on_epoch`: see `train`."""
        data, options = self.terms.dataset, self.terms.options
        record: dict[str, Any] = {
            "key": self.key,
            "data": self.terms.data,
            "variant": self.variant,
            "seed": self.seed,
        }
        try:
            result = train(
                VARIANTS[self.variant].kind,
                data,
                self.settings,
                options,
                self.seed,
                on_epoch,
            )
            model: Any = result.model
            for part, split in (("test", "test"), ("train", options.split)):
                record[part] = metrics.evaluate(model, data, split)
                check(all(map(math.isfinite, record[part].values())), "Its metrics are not finite.")
            scores = metrics.predict(model, data, data.rows("test"), final=True)
            record["rows"] = audit_rows.row_values(data, scores)
            model.double().eval()
            record["cut"] = {
                resource: metrics.evaluate(twins.cut(model, resource), data, "test")
                for resource in twins.CUTS.get(model.kind, {})
                if resource in {row.cut for row in RESOURCES if row.full == self.variant}
            }
            record["epochs"], record["best_epoch"] = len(result.history), result.best_epoch
            record["after_encoders"] = behind_encoders(model)
        except (QFusionError, ValueError, RuntimeError, ArithmeticError) as error:
            record["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        return record


def summing(runs: Iterable[Run]) -> frozenset[str]:
    """Returns the names of those variants of some trainings whose models can only add up modalities."""
    first = {run.variant: run for run in reversed(list(runs))}
    return frozenset(name for name, run in first.items() if _adds(run))


def _adds(run: Run) -> bool:
    data = run.terms.dataset
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(
            VARIANTS[run.variant].kind,
            data.input_specs,
            data.target.classes or ("score",),
            run.settings,
        )
    inputs = data.inputs(data.rows("train")[:ROWS], torch.float64)
    return fusing.only_adds(model.double().eval(), inputs)


def behind_encoders(model: Any) -> int:
    """Returns how many parameters a fusion model has that are not its encoders'."""
    return sum(
        p.numel() for name, p in model.named_parameters() if not name.startswith("encoders.")
    )


# The twins of a reader's own model.


def terms_of(study: Study) -> Terms:
    """Returns the terms of a study's model, by its card: those that it was trained on itself.

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
    settings = {key: value for key, value in card["settings"].items() if key not in twins.SAMPLING}
    # below 0 it is as in the hidden layers, which a bilinear head wants said
    if settings.get("input_dropout", 0) < 0:
        settings["input_dropout"] = settings["dropout"]
    chosen = {
        key: value for key, value in card.get("training", {}).items() if key in Options.names()
    }
    return Terms(
        study.dataset.name,
        study.dataset,
        settings,
        replace(default_options(study.dataset), **chosen),
    )


def runs_of(study: Study, seeds: Iterable[int]) -> list[Run]:
    """Returns the trainings of a study's model and its twins, seed by seed, so that whatever is finished can be
    compared; none of a twin that lacks what the model has not either.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    terms = terms_of(study)
    settings = {
        name: settings_of(terms, name)
        for name, variant in VARIANTS.items()
        if variant.system == study.card["model"]
    }
    names = {(VARIANTS[name].kind, json.dumps(settings[name])): name for name in reversed(settings)}
    return [
        Run(terms, name, seed, settings[name])
        for seed in seeds
        for name in reversed(names.values())
    ]


def _place(run: Run) -> Path:
    return _files.cache_root() / "audit" / f"{run.key}.json"


def finished(wanted: Iterable[Run]) -> list[dict[str, Any]]:
    """Returns the records of those trainings that are kept."""
    records = []
    for run in wanted:
        with suppress(OSError, QFusionError):
            record = read_json(_place(run).read_text())
            if isinstance(record, dict) and record.get("key") == run.key:
                records.append(record | {"variant": run.variant, "seed": run.seed})
    return records


def train_twins(study: Study, seeds: int = SEEDS) -> list[dict[str, Any]]:
    """Trains what is not kept of a model and its twins, says how far it is (see `progress_shown`), and returns all
    records.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    wanted = runs_of(study, range(seeds))
    known = {record["key"] for record in finished(wanted)}
    with _sentences.progress_shown("Training twins") as tell:

        def now(number: int, *_: Any) -> bool:  # said often, so that whoever cancels need not wait
            tell(number, len(wanted))
            return True

        with training_queue.hold_slot(partial(now, 0), name=f"twins-of-{study.name}"):
            for number, run in enumerate(wanted):
                if run.key not in known:
                    record = run.measure(partial(now, number))
                    _place(run).parent.mkdir(parents=True, exist_ok=True)
                    _files.write_file(_place(run), json.dumps(record))
                now(number + 1)
    return finished(wanted)


def work(name: str, data: str, seeds: str) -> None:
    """Trains the twins of a model and prints how many trainings are done."""
    torch.set_num_threads(1)
    with _sentences.progress_to(lambda _: nullcontext(lambda done, _: print(done, flush=True))):
        train_twins(open_study(name, data), int(seeds))


def twins_key(study: Study) -> tuple[str, ...]:
    """What tells this job from others."""
    return "twins", study.name, study.dataset.name, study.dataset.digest


def begin_twins(study: Study, seeds: int = SEEDS) -> Job:
    """Returns the training of twins in a process of its own, begun by this call or an earlier one; it goes on when
    nobody looks any more."""
    words, total = [study.name, study.dataset.name, str(seeds)], len(runs_of(study, range(seeds)))
    make = partial(in_process, work, words, total, "Training twins")
    return begin_job(twins_key(study), make, total, again=True, aside=True, lasting=True)


# What is shown.


@memo(8, background=False, stamp=lambda study: written(_files.cache_root() / "audit"))
@default_on_error({"seeds": 0})  # it has no twins, or its card says of its training what cannot be
def _own(study: Study) -> dict[str, Any]:
    wanted = runs_of(study, range(MOST))
    return own_entry(study, finished(wanted))


def own_entry(study: Study, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what records of a study's model and its twins say; see `audit_rows.entry`.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    return audit_rows.entry(records, study.dataset, summing=summing(runs_of(study, [0])))


def shipped(data: str) -> dict[str, Any]:
    """What ships of the audit on a data set: title, metric, seeds, bound and a row a resource of either system; nothing
    where none was measured."""
    return dict(json.loads(_files.asset_text("audit.json")).get(data, {}))


def says(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """What an audit says of the resources of its rows, called by `names`, three of a verdict at most: what matters
    first, what is no test last."""
    members: dict[str, list[str]] = {}
    for row, name in zip(rows, names, strict=True):
        members.setdefault(row["verdict"], []).append(name)
    return "; ".join(
        f"{verdict}: "
        + (_sentences.listed(some) if len(some) <= 3 else f"{len(some)} of {len(names)} resources")
        for verdict, some in sorted(members.items(), key=lambda pair: audit_rows.in_order(pair[0]))
    )


def audit_of(study: Study) -> dict[str, Any]:
    """The audit of the study's kind of model on its data: title, metric, seeds, bound and a row a resource; what ships,
    `of` the leaderboard's models, unless more seeds of this very model were trained here.

    Raises:
        NotFound: when it is not measured.
    """
    ours, own = shipped(study.dataset.name), _own(study)
    measured = [
        row
        for row in ours.get("rows", [])
        # a model of fewer modalities is another question
        if row["system"] == study.card["model"] and study.modalities == study.dataset.names
    ]
    if own["seeds"] > ours.get("seeds", 0) or (own["seeds"] and not measured):
        return own
    check(
        bool(measured),
        f"Which quantum resources matter is not measured for {study.card['model']} of "
        f"{_sentences.listed(study.modalities)} on '{study.dataset.name}'. `qfusion why --model {study.name} "
        f"--twins {SEEDS}` trains the twins and measures it.",
        NotFound,
    )
    return ours | {
        "rows": measured,
        "of": f"a {study.card['model']} with the leaderboard's settings",
    }


@default_on_error(False)
def is_audited(study: Study, **_: Any) -> bool:
    """Whether `audit_of` has an answer."""
    return bool(audit_of(study))


def has_twins(study: Study) -> bool:
    """Whether there are twins of models of its kind, which are exact: none is made of sampled trajectories."""
    return (
        study.card["model"] in (QJ, QCNN)
        and study.card["settings"].get("dynamics", "master") == "master"
    )


def seeds_of(study: Study) -> int:
    """Of how many seeds this model's twins were trained here."""
    return int(_own(study)["seeds"])


def can_cut(study: Study, **_: Any) -> bool:
    """Whether there are resources that can be cut from the model."""
    return study.card["model"] in twins.CUTS


# What is cut from a trained model, by what it is called where it is shown. What `twins.cut` calls entanglement measures
# in the product basis, and so takes local coherence too: it is named by what it does.
CUT_NAMES = {
    "coherence": "product-basis coherence from start to end",
    "entanglement": "product-basis coherence at eight moments",
}
ENTANGLEMENT = "entanglement (in each modality's eigenbasis)"
NUMBERS = 2**19  # complex numbers of the states that are dephased, at most: of more rows, some


@memo(8, background=False, says="Cutting resources from the model …")
def cut_of(study: Study) -> pd.DataFrame:
    """What the metric of the test rows loses when a resource is cut from the model, which is not trained again: one row
    a resource, with, without and their difference with percentile bootstrap intervals by cluster.

    Raises:
        NotFound: when nothing can be cut from models of its kind.
    """
    check(can_cut(study), f"Nothing is cut from models of kind {study.card['model']}.", NotFound)
    data, (metric, label) = study.dataset, metric_of(study.dataset)
    rows = study.bulk[np.isin(study.bulk, data.rows("test"))]
    parts = {}

    def add(name: str, rows: np.ndarray, scores: np.ndarray) -> None:
        without = fusing.Additive(
            len(study.modalities), study.scores[rows], scores, None, len(rows)
        )
        gains = trust.gains(study, rows, without, {metric: label})
        parts[name] = {column: part[metric] for column, part in gains.items()}

    for resource in twins.CUTS[study.card["model"]]:
        twin = explained_model(twins.cut(study.trained, resource), data)
        add(CUT_NAMES.get(resource, resource), rows, metrics.predict(twin, data, rows))
    if can_dephase(study):
        some = dephased_rows(study, rows)
        add(ENTANGLEMENT, some, dephasing.scores(study.model, study.inputs(some)))
    return fusing.interval_frame(
        "resource",
        **{
            name: {resource: part[column] for resource, part in parts.items()}
            for column, name in (("model", "with"), ("additive", "without"), ("gain", "loses"))
        },
    )


def can_dephase(study: Study) -> bool:
    """Whether entanglement can be cut from the model's states: whether they evolve, and have several modalities."""
    return study.card["model"] == QJ and len(study.modalities) > 1


def dephased_rows(study: Study, rows: np.ndarray) -> np.ndarray:
    """Returns those of some rows whose states are dephased: all, or as many, evenly among them, as time allows."""
    count = max(1, NUMBERS // math.prod(study.model.dims) ** 2)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))]
