"""Every model on every data set over seeds: QiNN-QJ, the entangled QCNN, their ablations and six baselines, on equal terms.

    QFUSION_DATA=FOLDER python benchmarks/leaderboard.py [mosi planted digits avdigits houston handwritten] [--cache FILE.jsonl]
    python benchmarks/leaderboard.py --plan       # what would be trained, with one timed epoch of each

Equal terms: on a data set all models train on the same rows with the encoder settings (width, dropout, kind) and the schedule of our
shipped recipe for it (scripts/train_models.py), chosen for that model of ours and for nobody else. Encoders give about as many numbers
per modality to every head, see `PLACES`. `coupling_decay` acts on the two systems and their ablations alone, which have couplings.

With --cache every finished run is kept as a line of JSON, and not repeated; the first seed's weights are kept beside it, and its robustness
measured. Writes assets/leaderboard.json, which the Leaderboard page reads, docs/leaderboard.md and README's table `leaderboard`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from train_models import FUSION, RECIPES, Recipe  # noqa: E402

from qfusion import data  # noqa: E402
from qfusion.models import EntangledQCNN, QuantumJump, registry  # noqa: E402
from qfusion.models.product_qcnn import ProductQCNN  # noqa: E402
from qfusion.training import Options, Result, checkpoint, metrics, train  # noqa: E402

SEEDS, MORE_SEEDS = 5, 10
ENCODER = ("encoder", "hidden", "dropout", "pooling", "input_dropout")
OF_TABLES = ("elements", "block", "start")
LARGEST_HIDDEN_TENSOR = 100_000  # entries; above, the TFN head is linear in the outer product, or training would take hours


@dataclass(frozen=True)
class Contender:
    """A row: what it is called, the kind of model, what differs from its defaults, and whose part it plays."""

    label: str
    kind: str
    settings: dict[str, Any]
    role: str  # "system", "ablation" or "baseline"


CONTENDERS = {
    "qj": Contender("QiNN-QJ", "quantum-jump", {}, "system"),
    "qj-unitary": Contender("QiNN-QJ, unitary (no jumps)", "quantum-jump", dict(evolution="unitary"), "ablation"),
    "qj-dissipative": Contender("QiNN-QJ, dissipative (no H)", "quantum-jump", dict(evolution="dissipative"), "ablation"),
    "qj-none": Contender("QiNN-QJ, no evolution", "quantum-jump", dict(evolution="none"), "ablation"),
    "qcnn": Contender("Entangled QCNN", "entangled-qcnn", {}, "system"),
    "qcnn-separate": Contender("QCNN, one rotation per modality", "entangled-qcnn", dict(tables="separate"), "ablation"),
    "qcnn-product": Contender("QCNN, no fusion entanglement", "product-qcnn", {}, "ablation"),
    "qcnn-frozen": Contender("QCNN, frozen rules (mean)", "entangled-qcnn", dict(freeze_rule=True), "ablation"),
    "linear": Contender("Linear model", "linear", {}, "baseline"),
    "late": Contender("Late fusion", "late", {}, "baseline"),
    "concatenation": Contender("Concatenation network", "concatenation", {}, "baseline"),
    "tensor": Contender("TFN (tensor)", "tensor", {}, "baseline"),
    "low-rank": Contender("LMF (low rank)", "low-rank", {}, "baseline"),
    "mult": Contender("MulT (cross-modal attention)", "mult", {}, "baseline"),
}
STABILITY = ("qj", "qj-unitary")  # claim (a): these have MORE_SEEDS on STABILITY_DATA
STABILITY_DATA = ("mosi", "planted")


@dataclass(frozen=True)
class Place:
    """A data set: our recipe for it, and how many numbers an encoder gives.

    Attributes:
        recipe: whose schedule and encoder settings everyone has.
        features: numbers per modality for the baselines; elements of a QCNN.
        dims: dimension of a modality's state; its encoder gives twice as many numbers. Where `features / 2` would make the joint state
            too large to train in reasonable time, smaller.
        input_dropout: of the encoders, as in the recipe's model.
    """

    recipe: Recipe
    features: int
    dims: int
    input_dropout: float = 0.0

    @property
    def encoder(self) -> dict[str, Any]:
        """Settings of the encoders, those that the recipe leaves to its model's defaults too."""
        known = registry.settings(self.recipe.model) | self.recipe.settings | dict(input_dropout=self.input_dropout)
        return {key: known[key] for key in ENCODER}

    @cached_property
    def options(self) -> Options:
        """Of the training."""
        return Options(**self.recipe.options)

    @cached_property
    def dataset(self) -> data.DataSet:
        """The data."""
        return data.load(self.recipe.data)


PLACES = {
    "mosi": Place(RECIPES["qj-mosi"], 8, 4, input_dropout=0.3),
    "planted": Place(RECIPES["qj-planted"], 8, 4, input_dropout=0.1),
    "digits": Place(FUSION["digits"], 10, 4),  # d = 5 trains ten times as long
    "avdigits": Place(FUSION["avdigits"], 8, 4),
    "houston": Place(FUSION["houston"], 6, 3),
    "handwritten": Place(FUSION["handwritten"], 10, 2),  # six modalities: D = 2^6
}


def settings_of(place: Place, contender: Contender) -> dict[str, Any]:
    """Returns the settings that a contender is built with on a data set."""
    known, chosen = registry.settings(contender.kind), {**place.encoder, **contender.settings}
    if contender.kind == QuantumJump.kind:
        chosen["dims"] = place.dims
    elif contender.kind in (EntangledQCNN.kind, ProductQCNN.kind):
        chosen |= {key: place.recipe.settings[key] for key in OF_TABLES if key in place.recipe.settings} | {"elements": place.features}
    elif "features" in known:
        chosen["features"] = place.features
    if contender.kind == "tensor" and (place.features + 1) ** len(place.dataset.modalities) > LARGEST_HIDDEN_TENSOR:
        chosen["width"] = 0
    return {key: value for key, value in chosen.items() if key in known}


@dataclass(frozen=True)
class Run:
    """One training that the board needs."""

    data: str
    model: str
    seed: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the model."""
        return settings_of(PLACES[self.data], CONTENDERS[self.model])

    @cached_property
    def key(self) -> str:
        """Changes whenever anything that decides the result does, apart from the code."""
        place = PLACES[self.data]
        said = json.dumps([self.data, place.dataset.digest, CONTENDERS[self.model].kind, self.settings, asdict(place.options), self.seed])
        return hashlib.sha256(said.encode()).hexdigest()[:20]


def runs(names: Sequence[str], seeds: int, more_seeds: int) -> Iterator[Run]:
    """Yields the runs in the order in which they are made: data set by data set, all models seed by seed; then the seeds of claim (a)."""
    for name in names:
        for seed in range(seeds):
            for model in CONTENDERS:
                yield Run(name, model, seed)
        for seed in range(seeds, more_seeds if name in STABILITY_DATA else seeds):
            for model in STABILITY:
                yield Run(name, model, seed)


def measure(run: Run, folder: Path | None) -> dict[str, Any]:
    """Trains one model and returns the record that is kept; the first seed's weights go into `folder`."""
    place, contender = PLACES[run.data], CONTENDERS[run.model]
    start, processor = time.perf_counter(), time.process_time()
    result = train(contender.kind, place.dataset, run.settings, place.options, run.seed)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    measured = {split: metrics.evaluate(result.model, place.dataset, split) for split in (place.options.split, "test")}
    if folder and run.seed == 0:
        _keep(run, result, measured, folder)
    total = sum(p.numel() for p in result.model.parameters())
    after = total - sum(p.numel() for p in result.model.encoders.parameters())
    return {"key": run.key, "data": run.data, "model": run.model, "seed": run.seed, "test": measured["test"],
            "train": measured[place.options.split], "parameters": total, "after_encoders": after, "seconds": round(seconds, 2),
            "processor_seconds": round(processor, 2), "epochs": len(result.history), "kept": result.kept,
            "gradient_norms": [float(f"{p.gradient_norm:.5g}") for p in result.history]}


def _keep(run: Run, result: Result, measured: dict[str, Any], folder: Path) -> None:
    name = f"{run.data}-{run.model}"
    dataset = PLACES[run.data].dataset
    card = checkpoint.make_card(
        result.model, dataset, name=name, title=f"{CONTENDERS[run.model].label} on {dataset.title}", seed=run.seed,
        training=result.settings(), metrics={split: metrics.summary([m]) for split, m in measured.items()}, this_seed=measured,
        seeds=[run.seed])
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save(folder / f"{name}.json", result.model, card)


def read(cache: Path | None) -> dict[str, dict[str, Any]]:
    """Returns the runs that are kept, by key; a line that was cut short when the machine stopped is left out."""
    found = {}
    for line in cache.read_text().splitlines() if cache and cache.is_file() else ():
        try:
            record = json.loads(line)
            found[record["key"]] = record
        except (ValueError, KeyError, TypeError):
            print(f"{cache}: a line cannot be read and is left out", file=sys.stderr)
    return found


def collect(wanted: Sequence[Run], cache: Path | None) -> list[dict[str, Any]]:
    """Returns the records of all runs, trained where they are not kept yet."""
    known, folder = read(cache), cache.with_suffix("") if cache else None
    for number, run in enumerate(wanted, 1):
        if run.key in known:
            continue
        record = known[run.key] = measure(run, folder)
        if cache:
            whole = not cache.is_file() or cache.read_bytes()[-1:] in (b"\n", b"")
            with cache.open("a") as kept:
                kept.write(("" if whole else "\n") + json.dumps(record) + "\n")
        main_one = record["test"].get("accuracy", record["test"].get("mae"))
        print(f"{number}/{len(wanted)} {run.data} {run.model} seed {run.seed}: {main_one:.4f}, {record['seconds']:.0f} s", flush=True)
    return [known[run.key] for run in wanted]


def plan(wanted: Sequence[Run], cache: Path | None) -> None:
    """Prints what is still to be trained and about how long it takes, from one timed epoch (the second) of each."""
    known, left, total = read(cache), {}, 0.0
    for run in wanted:
        if run.key not in known:
            left[run.data, run.model] = left.get((run.data, run.model), 0) + 1
    for (name, model), count in left.items():
        place = PLACES[name]
        options = replace(place.options, epochs=2)
        history = train(CONTENDERS[model].kind, place.dataset, Run(name, model, 0).settings, options, 0).history
        each = history[-1].seconds * place.options.epochs
        total += each * count
        print(f"{name} {model}: {count} runs of at most {each:.0f} s", flush=True)
    print(f"{sum(left.values())} runs, at most {total / 60:.0f} minutes on one core as busy as now")


def main() -> None:
    """Trains what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PLACES)}; default all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--more-seeds", type=int, default=MORE_SEEDS, help="of the two models that claim (a) compares")
    parser.add_argument("--cache", type=Path, help="keeps finished runs, a line each")
    parser.add_argument("--plan", action="store_true", help="train nothing; print what is missing and how long it takes")
    parser.add_argument("--runs-only", action="store_true", help="train, but write no tables")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wanted = list(runs(arguments.names or list(PLACES), arguments.seeds, arguments.more_seeds))
    if arguments.plan:
        plan(wanted, arguments.cache)
        return
    records = collect(wanted, arguments.cache)
    if not arguments.runs_only:
        print(f"{len(records)} runs")


if __name__ == "__main__":
    main()
