"""The papers' claims about quantum jumps, tested: jump dynamics beside their ablations, with clean, wrong, few and
missing data.

    QFUSION_DATA=FOLDER python benchmarks/claims.py [--only mosi --only avparity] [--seeds 10] [--cache FILE.jsonl]
    python benchmarks/claims.py --plan         # what would be trained, with one timed epoch of each
    python benchmarks/claims.py --finished     # no training: the tables of what the cache holds

With one seed all variants have the same rows, the same wrong labels and the order of the same batches, so they are
compared seed by seed. What is tested, and from which seed a data set is trained, stands in claims_outcomes.toml. Every
finished run is kept as a line of JSON, in benchmarks/runs or the file that --cache names, and not repeated; runs go
seed by seed, so that all variants have as many wherever it stops. Writes qfusion/assets/claims.json, which the
Leaderboard page reads, and the tables of docs/claims.md.
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
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import claims_measures as measures  # noqa: E402
import claims_report as report  # noqa: E402
import claims_text as text  # noqa: E402
import tables  # noqa: E402
from leaderboard import keep, read  # noqa: E402
from train_models import RECIPES, Recipe  # noqa: E402

from qfusion import _files, data  # noqa: E402
from qfusion._files import atomic  # noqa: E402
from qfusion.training import Options, metrics  # noqa: E402

SEEDS = 10
RUNS = ROOT / "benchmarks" / "runs" / "claims.jsonl"
FOUND, PAGE = _files.asset_path("claims.json"), ROOT / "docs" / "claims.md"
VARIANTS: dict[str, dict[str, Any]] = {
    "jump": dict(evolution="jump", readout="local"),
    "unitary": dict(evolution="unitary", readout="local"),
    "dissipative": dict(evolution="dissipative", readout="local"),
    "none": dict(evolution="none", readout="local"),
    "single": dict(evolution="jump", readout="single"),
    "joint": dict(evolution="jump", readout="joint"),
    "sampled": dict(evolution="jump", readout="local", dynamics="jumps", trajectories=4, steps=20),
}
FEW = ("jump", "unitary", "none")  # what is trained on changed rows too
# Epochs, fewer than the recipes' 60 and 30, as there are 160 runs a data set. planted: validation R2 .932 against .936
# (jump, seed 0).
SHORTER = {"planted": 25, "avparity": 15}


@dataclass(frozen=True)
class Place:
    """A data set and the shipped recipe for it, whose schedule and settings all variants have."""

    recipe: Recipe

    @cached_property
    def options(self) -> Options:
        """Of the training."""
        found = Options(**self.recipe.options)
        return replace(found, epochs=SHORTER.get(self.recipe.data, found.epochs))

    @cached_property
    def dataset(self) -> data.DataSet:
        """The data."""
        return data.load(self.recipe.data)


# With the start of the shipped qj-mosi a model without evolution is not done after its ten epochs (benchmarks/mosi.py):
# all start larger.
FAIRER = {"mosi": {"head_scale": 2.0}}
RECIPES_HERE = {
    name: RECIPES[f"qj-{name}"]
    for name in ("mosi", "parity", "avparity", "planted")
    if f"qj-{name}" in RECIPES
}
PLACES = {
    name: Place(replace(recipe, settings={**recipe.settings, **FAIRER.get(name, {})}))
    for name, recipe in RECIPES_HERE.items()
}


@dataclass(frozen=True)
class Run:
    """One training."""

    data: str
    condition: str
    variant: str
    seed: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the model."""
        return {**PLACES[self.data].recipe.settings, **VARIANTS[self.variant]}

    @cached_property
    def key(self) -> str:
        """Changes whenever anything that decides the result does, apart from the code."""
        place = PLACES[self.data]
        said = json.dumps(
            [
                self.data,
                place.dataset.digest,
                self.condition,
                self.settings,
                asdict(place.options),
                self.seed,
            ]
        )
        return hashlib.sha256(said.encode()).hexdigest()[:20]


def runs(names: Sequence[str], seeds: int) -> Iterator[Run]:
    """Yields the runs in the order in which they are made: data set by data set, seed by seed."""
    for name in names:
        first = text.PLAN["data"][name]["first_seed"]
        for seed in range(first, first + seeds):
            for condition in measures.CHANGES:
                for variant in VARIANTS if condition == "clean" else FEW:
                    yield Run(name, condition, variant, seed)


def measure(run: Run) -> dict[str, Any]:
    """Trains one model and returns the record that is kept."""
    place = PLACES[run.data]
    dataset, options = place.dataset, place.options
    start, processor = time.perf_counter(), time.process_time()
    result, norms = measures.trained(
        measures.CHANGES[run.condition](dataset, options.split, run.seed),
        run.settings,
        options,
        run.seed,
    )
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    record = {
        "key": run.key,
        **asdict(run),
        "terms": terms(run.data),
        "test": metrics.evaluate(result.model, dataset, "test"),
        "gradient": measures.gradients(norms),
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "epochs": len(result.history),
        "kept": result.best_epoch,
    }
    if run.condition == "clean":
        record["train"] = metrics.evaluate(result.model, dataset, options.split)
        model = result.model.double().eval()
        record |= {
            "missing": measures.without(model, dataset, options.split),
            "physics": measures.physics(model, dataset, options.split),
        }
    return record


def terms(name: str) -> dict[str, Any]:
    """Returns what the page says about a data set: title, modalities, sizes, and the terms on which all were
    trained."""
    place = PLACES[name]
    dataset = place.dataset
    return {
        "title": dataset.title,
        "modalities": list(dataset.names),
        "target": dataset.target.kind,
        "digest": dataset.digest,
        "trained_on": len(dataset.rows(place.options.split)),
        "test": len(dataset.rows("test")),
        "settings": place.recipe.settings,
        "options": asdict(place.options),
        "recipe_epochs": Options(**place.recipe.options).epochs,
    }


def collect(wanted: Sequence[Run], cache: Path | None) -> list[dict[str, Any]]:
    """Returns the records of all runs, trained where they are not kept yet."""
    known = read(cache)
    for number, run in enumerate(wanted, 1):
        if run.key in known:
            continue
        record = known[run.key] = measure(run)
        keep(record, cache)
        result = record["test"][report.headline(run.data)]
        print(
            f"{number}/{len(wanted)} {run.data}, {run.condition}, {run.variant}, seed {run.seed}: {result:.4f}, "
            f"{record['seconds']:.0f} s",
            flush=True,
        )
    return [known[run.key] for run in wanted]


def plan(wanted: Sequence[Run], cache: Path | None) -> None:
    """Prints what is still to be trained and about how long it takes, from one timed epoch (the second) of each variant
    on all rows."""
    known, total = read(cache), 0.0
    left = [run for run in wanted if run.key not in known]
    for name, variant in dict.fromkeys((run.data, run.variant) for run in left):
        place, own = (
            PLACES[name],
            [run for run in left if (run.data, run.variant) == (name, variant)],
        )
        result, _ = measures.trained(
            place.dataset, own[0].settings, replace(place.options, epochs=2), 0
        )
        each = result.history[-1].seconds * place.options.epochs
        cost = sum(each * (measures.KEPT if run.condition == "few rows" else 1) for run in own)
        total += cost
        print(
            f"{name} {variant}: {len(own)} runs, at most {each:.0f} s on all rows, {cost / 60:.1f} minutes",
            flush=True,
        )
    print(
        f"{len(left)} runs, at most {total / 60:.0f} minutes of training on one core as busy as now"
    )


def latest(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns of each data set the records on the terms of its last one, so that a cache may hold what was tried
    before."""
    last = {r["data"]: r["terms"] for r in records}
    found = {
        (r["data"], r["condition"], r["variant"], r["seed"]): r
        for r in records
        if r["terms"] == last[r["data"]]
    }
    return list(found.values())


def write(records: Sequence[dict[str, Any]]) -> None:
    """Writes the file and the page."""
    found = report.assemble(records)
    with atomic(FOUND) as part:
        part.write_text(
            json.dumps(report.kept(found), separators=(",", ":"), allow_nan=False) + "\n"
        )
    below = tables.provenance("claims.py")
    for name, said in text.page(found).items():
        tables.write(f"jumps-{name}", f"{said}\n\n{below}", PAGE)
    tables.write("jumps", text.short(found), ROOT / "README.md")


def main() -> None:
    """Trains what is missing and writes the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(PLACES),
        metavar="DATA",
        help=f"of {', '.join(PLACES)}; default all",
    )
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--cache", type=Path, default=RUNS, help="keeps finished runs, a line each")
    parser.add_argument(
        "--plan",
        action="store_true",
        help="train nothing; print what is missing and how long it takes",
    )
    parser.add_argument(
        "--finished",
        action="store_true",
        help="train nothing; write the tables of the runs that the cache holds",
    )
    parser.add_argument("--runs-only", action="store_true", help="train, but write no tables")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.finished:
        write(latest(list(read(arguments.cache).values())))
        return
    wanted = list(runs(arguments.only or list(PLACES), arguments.seeds))
    if arguments.plan:
        plan(wanted, arguments.cache)
        return
    records = collect(wanted, arguments.cache)
    if not arguments.runs_only:
        write(records)


if __name__ == "__main__":
    main()
