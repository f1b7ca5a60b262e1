"""The claims about quantum jumps, tested as benchmarks/replication_plan.toml says, which was committed before the runs.

    QFUSION_DATA=FOLDER python benchmarks/replication.py       # trains what is missing, writes the tables
    python benchmarks/replication.py --plan                    # how long every cell takes; no result
    python benchmarks/replication.py --report                  # no training: the tables of the runs that are kept
    python benchmarks/replication.py --runs-only --part 0/2    # every other run, beside a second process

Runs go seed by seed, so that all cells have as many wherever it stops. Every finished run is kept as a line of JSON in
benchmarks/runs/replication.jsonl, with the digests of plan and code, and not repeated. With one seed all cells have the
same batches and the same wrong labels. Writes claims.json of qfusion/plugins/papers/assets, which the Leaderboard page
and README read, and the tables of docs/plugins/claims.md, docs/results.md and README.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import front  # noqa: E402
import replication_data as datasets  # noqa: E402
import replication_report as report  # noqa: E402
from leaderboard import keep, read  # noqa: E402

from qfusion._checks import check  # noqa: E402
from qfusion.data import DataSet  # noqa: E402
from qfusion.models import QuantumJump, build  # noqa: E402
from qfusion.plugins.why.audit.twin_runs import count_fusion_parameters  # noqa: E402
from qfusion.quantum import measure_kinds, states  # noqa: E402
from qfusion.training import Options, metrics, train  # noqa: E402

PLAN_FILE = ROOT / "benchmarks" / "replication_plan.toml"
RUNS = ROOT / "benchmarks" / "runs" / "replication.jsonl"
FEATURES = RUNS.with_suffix("")  # the folder of features that a network made
PLAN = tomllib.loads(PLAN_FILE.read_text())
PLAN_DIGEST = hashlib.sha256(PLAN_FILE.read_bytes()).hexdigest()
DIM = 3  # of a modality's state
STATES = 200  # test samples whose entanglement is measured
NOT_SETTINGS = ("matched", "readouts", "wrong_labels")  # words of a cell that say something else
CODE = (
    "data",
    "models",
    "quantum",
    "training",
)  # folders of qfusion that decide what a training gives


def code_digest() -> str:
    """Returns the SHA-256 of the Python files, with their names, that decide what a training gives."""
    digest = hashlib.sha256()
    for folder in CODE:
        for file in sorted((ROOT / "qfusion" / folder).rglob("*.py")):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(ROOT).as_posix()} {content}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Run:
    """One training: a cell of the plan with a read-out on a data set, with a seed."""

    data: str
    cell: str
    readout: str
    seed: int

    @property
    def key(self) -> str:
        """Changes with the plan, the data, and the run."""
        own = [self.data, self.cell, self.readout, self.seed]
        words = json.dumps([PLAN_DIGEST, self.dataset.digest, *own])
        return hashlib.sha256(words.encode()).hexdigest()[:20]

    @property
    def dataset(self) -> DataSet:
        """With its own labels."""
        return datasets.small(self.data, FEATURES)

    @cached_property
    def words(self) -> Mapping[str, Any]:
        """What the plan says of the cell."""
        return PLAN["cells"][self.cell]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the model."""
        settings = settings_of(self.cell, self.readout)
        if "matched" in self.words:
            other = settings_of(self.words["matched"], self.readout)
            settings["measurements"] = matched(self.dataset, settings, other)
        return settings


def settings_of(cell: str, readout: str) -> dict[str, Any]:
    """Returns the settings of a cell's model before its parameters are matched to another's."""
    own = {key: value for key, value in PLAN["cells"][cell].items() if key not in NOT_SETTINGS}
    return {**PLAN["settings"], "dims": DIM, "measurements": DIM**2, "readout": readout, **own}


def matched(dataset: DataSet, settings: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """Returns how many measurement vectors give a model as many parameters as one of other settings has, or as near."""
    wanted = size(dataset, other)
    first = int(settings["measurements"])
    one, two = (size(dataset, {**settings, "measurements": n}) for n in (first, first + 1))
    return first + max(0, round((wanted - one) / (two - one)))


def size(dataset: DataSet, settings: Mapping[str, Any]) -> int:
    """Returns the number of parameters behind the encoders of a QiNN-QJ."""
    with torch.random.fork_rng():
        model = build(QuantumJump.kind, dataset.input_specs, dataset.target.classes, dict(settings))
    return count_fusion_parameters(model)


def runs() -> Iterator[Run]:
    """Yields the runs in the order in which they are made."""
    for seed in range(PLAN["first_seed"], PLAN["first_seed"] + PLAN["seeds"]):
        for name in PLAN["data"]:
            for cell, readout in report.cells(PLAN):
                yield Run(name, cell, readout, seed)


def measure(run: Run) -> dict[str, Any]:
    """Trains one model and returns the record that is kept."""
    start = time.perf_counter()
    dataset = run.dataset
    is_wrong = run.words.get("wrong_labels", False)
    trained_on = datasets.wrong_labels(dataset, run.seed) if is_wrong else dataset
    options = Options(epochs=PLAN["epochs"][run.data], **PLAN["options"])
    result = train(QuantumJump.kind, trained_on, run.settings, options, run.seed)
    model = result.model
    model.settings["dynamics"] = "master"
    model.double().eval()
    rows = dataset.rows("test")
    scores = metrics.predict(model, dataset, rows)
    is_right = scores.argmax(1) == dataset.y[rows]
    return {
        "key": run.key,
        "plan": PLAN_DIGEST,
        "code": PLAN["code"],
        "data": run.data,
        "cell": run.cell,
        "readout": run.readout,
        "seed": run.seed,
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "time": time.strftime("%H:%M:%S", time.gmtime()),
        "accuracy": float(is_right.mean()),
        "right": base64.b85encode(np.packbits(is_right).tobytes()).decode(),
        "loss": result.history[-1].train_loss,
        "behind_encoders": count_fusion_parameters(model),
        "negativity": entanglement(model, dataset),
        "seconds": round(time.perf_counter() - start, 2),
    }


@torch.no_grad()
def entanglement(model: QuantumJump, dataset: DataSet) -> dict[str, float]:
    """Returns mean and deviation over test samples of the logarithmic negativity at T, in bits, averaged over
    modalities."""
    rows = dataset.rows("test")
    drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:STATES])
    inputs = dataset.inputs(rows[drawn], torch.float64)
    rho = states.density(model.product_state(model.encode(inputs)))
    rho = model.evolve_states(rho, [model.duration])[0]
    measured = measure_kinds.measures_over_time(rho, model.dims, model.modalities).single(
        "negativity"
    )
    values = np.mean([measured[name] for name in model.modalities], 0)
    return {"mean": float(values.mean()), "deviation": float(values.std(ddof=1))}


def collect(wanted: Sequence[Run], cache: Path) -> None:
    """Trains the runs that are not kept yet, and keeps them.

    Raises:
        InvalidInput: when the code is not that of the plan.
    """
    check(
        code_digest() == PLAN["code"],
        "The code of qfusion/{data,models,quantum,training} is not that of replication_plan.toml. Go back to the "
        "commit of the plan.",
    )
    known = read(cache)
    for number, run in enumerate(wanted, 1):
        if run.key in known:
            continue
        record = measure(run)
        keep(record, cache)
        print(
            f"{number}/{len(wanted)} {run.data} {run.cell} {run.readout} seed {run.seed}: {record['seconds']:.1f} s",
            flush=True,
        )


def plan(wanted: Sequence[Run]) -> None:
    """Prints how long every cell takes, by the second of two epochs, and its parameters; no result."""
    total = 0.0
    options = Options(epochs=2, **PLAN["options"])
    for run in (run for run in wanted if run.seed == PLAN["first_seed"]):
        result = train(QuantumJump.kind, run.dataset, run.settings, options, 1000)
        seconds = result.history[-1].seconds * PLAN["epochs"][run.data]
        total += seconds * PLAN["seeds"]
        count = count_fusion_parameters(result.model)
        print(
            f"{run.data} {run.cell} {run.readout}: {seconds:.1f} s, {count} parameters", flush=True
        )
    print(f"{len(wanted)} runs, about {total / 60:.0f} minutes on one core as busy as now")


def main() -> None:
    """Trains what is missing and writes the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=RUNS, help="keeps finished runs, a line each")
    parser.add_argument("--plan", action="store_true", help="train nothing; print what it takes")
    parser.add_argument("--report", action="store_true", help="train nothing; write the tables")
    parser.add_argument("--runs-only", action="store_true", help="train, but write no tables")
    parser.add_argument("--part", default="0/1", help="the runs I of every N, as I/N")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wanted = list(runs())
    if arguments.plan:
        plan(wanted)
        return
    if not arguments.report:
        part, parts = map(int, arguments.part.split("/"))
        collect(wanted[part::parts], arguments.cache)
    if arguments.runs_only:
        return
    known = read(arguments.cache)
    report.write([known[run.key] for run in wanted if run.key in known], PLAN, PLAN_DIGEST)
    front.main()


if __name__ == "__main__":
    main()
