"""Does the quantum part matter? The quantum models against twins that lack a resource, trained on equal terms.

    QFUSION_DATA=FOLDER python benchmarks/audit.py [parity planted ...] [--seeds 10] [--within .02] [--cache FILE.jsonl]
    python benchmarks/audit.py parity --plan         # what would be trained, with one timed epoch of each
    python benchmarks/audit.py parity --finished     # the table of what the cache holds; --write puts it on the page

Equal terms are the leaderboard's (leaderboard_terms.py): on a data set full model and twins have the same encoders, the
schedule and the settings that were chosen for the system on validation rows, and the same seeds. One row a resource:

    needed                  the twin is worse by more than --within: the 95 % interval of paired differences over seeds
    helps                   worse beyond chance, but not told by more than that
    not needed within +-x   no difference of x or more either way (two one-sided t tests at 5 %: Schuirmann 1987)
    harms                   better beyond chance
    not told                neither

Beside it what the trained full model loses when the same resource is cut at test time. Differences are of the first
metric of the data's convention, above 0 where the full model is better. A twin that fails to train says why, in its
row. Every run is kept as a line of JSON and not repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import leaderboard  # noqa: E402
import tables  # noqa: E402
from leaderboard_terms import CONTENDERS, PLACES, Place, settings_of  # noqa: E402

from qfusion import _files  # noqa: E402
from qfusion._files import atomic  # noqa: E402
from qfusion.errors import QFusionError  # noqa: E402
from qfusion.models import build, registry, twins  # noqa: E402
from qfusion.training import Options, metrics, train  # noqa: E402

RUNS = ROOT / "benchmarks" / "runs" / "audit.jsonl"
BOARD, PAGE = _files.asset_path("audit.json"), ROOT / "docs" / "why-fuse.md"
SEEDS, WITHIN = 10, 0.02
NO_RANK = 4096  # most products of a bilinear head


@dataclass(frozen=True)
class Variant:
    """A model that is trained: of which system, its kind, and what differs from the system's settings."""

    system: str  # of CONTENDERS: whose settings and schedule it has
    kind: str
    settings: tuple[tuple[str, Any], ...] = ()


VARIANTS = {
    "qj": Variant("qj", "quantum-jump"),
    "qj-dephased": Variant("qj", "jump-twin", (("lacks", "coherence"),)),
    "qj-unentangled": Variant("qj", "jump-twin", (("lacks", "entanglement"),)),
    "qj-mean-field": Variant("qj", "jump-mean-field"),
    "qj-unitary": Variant("qj", "quantum-jump", (("evolution", "unitary"),)),
    "qj-frozen": Variant("qj", "jump-twin", (("lacks", "learning"),)),
    "qj-none": Variant("qj", "quantum-jump", (("evolution", "none"),)),
    "bilinear": Variant("qj", "state-linear"),
    "qcnn": Variant("qcnn", "entangled-qcnn"),
    "qcnn-dephased": Variant("qcnn", "qcnn-dephased"),
    "qcnn-local": Variant("qcnn", "entangled-qcnn", (("block", "local"),)),
    "coherent": Variant("qcnn", "qcnn-coherent"),
    "coherent-z": Variant("qcnn", "qcnn-coherent", (("lacks", "entanglement"),)),
}


@dataclass(frozen=True)
class Resource:
    """A row: what is asked about, the model that has it, the twin that lacks it, what is cut at test time, if it is."""

    title: str
    full: str
    twin: str
    cut: str = ""


RESOURCES = (
    Resource("coherence (local basis)", "qj", "qj-dephased", "coherence"),
    Resource("entanglement", "qj", "qj-unentangled", "entanglement"),
    Resource("any correlation (mean field)", "qj", "qj-mean-field", "correlation"),
    Resource("dissipation", "qj", "qj-unitary", "dissipation"),
    Resource("learned dynamics (frozen at random)", "qj", "qj-frozen"),
    Resource("any evolution", "qj", "qj-none"),
    Resource("a quantum form (bilinear head, as many parameters)", "qj", "bilinear"),
    Resource("coherence of the fused qubits", "qcnn", "qcnn-dephased", "fused coherence"),
    Resource("entangling convolutions", "qcnn", "qcnn-local"),
    Resource("reading the modality qubits", "coherent", "qcnn"),
    Resource("entanglement of the fusion", "coherent", "coherent-z", "fused entanglement"),
)


@dataclass(frozen=True)
class Run:
    """One training."""

    data: str
    variant: str
    seed: int

    @property
    def place(self) -> Place:
        """The data set and its terms."""
        return PLACES[self.data]

    @cached_property
    def options(self) -> Options:
        """Of the training: the system's."""
        return self.place.options_of(VARIANTS[self.variant].system)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the model: the system's, as far as its kind has them, and what differs."""
        own, system = VARIANTS[self.variant], VARIANTS[self.variant].system
        whole = settings_of(self.place, CONTENDERS[system], self.place.chosen_for(system))
        whole |= dict(own.settings)
        known = registry.settings(own.kind)
        chosen = {key: value for key, value in whole.items() if key in known}
        return chosen | ({"rank": self._rank(chosen)} if own.kind == "state-linear" else {})

    def _rank(self, chosen: Mapping[str, Any]) -> int:
        """How many products a bilinear head has with as many parameters as the full model behind the encoders."""
        counts = [self.after_encoders("state-linear", {**chosen, "rank": rank}) for rank in (1, 2)]
        full = Run(self.data, "qj", 0)
        wanted = self.after_encoders("quantum-jump", full.settings)
        return min(NO_RANK, max(1, 1 + round((wanted - counts[0]) / (counts[1] - counts[0]))))

    def after_encoders(self, kind: str, settings: Mapping[str, Any]) -> int:
        """Returns the parameters that are not the encoders'."""
        data = self.place.dataset
        outputs = data.target.classes or ("score",)
        with torch.random.fork_rng():
            model = build(kind, data.input_specs, outputs, settings)
        inside = sum(p.numel() for p in model.encoders.parameters())
        return sum(p.numel() for p in model.parameters()) - inside

    @cached_property
    def key(self) -> str:
        """Changes whenever anything that decides the result does, apart from the code."""
        own = VARIANTS[self.variant]
        decides = [
            self.data,
            self.place.dataset.digest,
            own.kind,
            self.settings,
            asdict(self.options),
            self.seed,
        ]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:20]


def metric_of(place: Place) -> str:
    """The metric that differences are of: the first of the data's convention."""
    names = metrics.names(place.dataset)
    return next(name for name in metrics.headlines(names) if name in names)


def runs(names: Sequence[str], seeds: int, only: Sequence[str]) -> Iterator[Run]:
    """Yields the runs seed by seed, so that whatever is finished can be compared."""
    for name in names:
        for seed in range(seeds):
            for variant in VARIANTS:
                if not only or variant in only:
                    yield Run(name, variant, seed)


def measure(run: Run) -> dict[str, Any]:
    """Trains one variant and returns the record that is kept; of one that fails, why."""
    start, data = time.perf_counter(), run.place.dataset
    record = {"key": run.key, "data": run.data, "variant": run.variant, "seed": run.seed}
    try:
        result = train(VARIANTS[run.variant].kind, data, run.settings, run.options, run.seed)
        model = result.model
        record["test"] = metrics.evaluate(model, data, "test")
        record["train"] = metrics.evaluate(model, data, run.place.options.split)
        check = [value for part in ("test", "train") for value in record[part].values()]
        if not all(map(math.isfinite, check)):
            raise ValueError("its scores are not finite")
        model.double().eval()
        record["cut"] = {
            resource: metrics.evaluate(twins.cut(model, resource), data, "test")
            for resource in twins.CUTS.get(model.kind, {})
            if resource in {row.cut for row in RESOURCES if row.full == run.variant}
        }
        record["epochs"], record["best_epoch"] = len(result.history), result.best_epoch
        inside = sum(p.numel() for p in model.encoders.parameters())
        record["after_encoders"] = sum(p.numel() for p in model.parameters()) - inside
    except (QFusionError, ValueError, RuntimeError, ArithmeticError) as error:
        record["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    return record | {"seconds": round(time.perf_counter() - start, 1)}


def interval(differences: np.ndarray, level: float) -> tuple[float, float]:
    """Returns the t interval of the mean of paired differences; NaN of fewer than two."""
    n = len(differences)
    if n < 2:
        return math.nan, math.nan
    half = scipy.stats.t.ppf(0.5 + level / 2, n - 1) * differences.std(ddof=1) / math.sqrt(n)
    return float(differences.mean() - half), float(differences.mean() + half)


def verdict(differences: np.ndarray, within: float) -> str:
    """Returns what paired differences over seeds (above 0: the full model is better) say of a resource.

    Args:
        differences: (seeds,). within: what counts as no difference.
    """
    if len(differences) < 2:
        return "not told (one seed)"
    low, high = interval(differences, 0.95)
    least, most = interval(differences, 0.90)  # two one-sided tests at 5 %
    if low > within:
        return "needed"
    if -within < least and most < within:
        return f"not needed within ±{within:g}"
    if low > 0:
        return "helps"
    return "harms" if high < 0 else "not told"


def rows(records: Sequence[Mapping[str, Any]], name: str, within: float) -> list[dict[str, Any]]:
    """Returns the audit of a data set, one row a resource: what it is worth over seeds, with its interval, the verdict,
    what the trained model loses when it is cut, and which trainings failed."""
    place = PLACES[name]
    metric = metric_of(place)
    sign = 1 if metrics.label(metric, place.dataset.target.convention).higher_is_better else -1
    done: dict[str, dict[int, Any]] = {}
    for one in records:
        if one["data"] == name:
            done.setdefault(one["variant"], {})[one["seed"]] = one
    result = []
    for row in RESOURCES:
        full, twin = done.get(row.full, {}), done.get(row.twin, {})
        if not full and not twin:
            continue
        failed = [
            f"seed {s}: {r['failed']}"
            for part in (full, twin)
            for s, r in sorted(part.items())
            if "failed" in r
        ]
        seeds = [
            s
            for s in sorted(set(full) & set(twin))
            if not {"failed"} & (full[s].keys() | twin[s].keys())
        ]
        entry = {
            "resource": row.title,
            "system": CONTENDERS[VARIANTS[row.full].system].kind,
            "seeds": len(seeds),
            "failed": failed,
            "verdict": "not told",
        }
        if seeds:
            a, b = (np.array([part[s]["test"][metric] for s in seeds]) for part in (full, twin))
            worth = sign * (a - b)
            low, high = interval(worth, 0.95)
            cuts = [
                sign * (full[s]["test"][metric] - full[s]["cut"][row.cut][metric])
                for s in seeds
                if row.cut in full[s].get("cut", {})
            ]
            entry |= {
                "with": float(a.mean()),
                "without": float(b.mean()),
                "worth": float(worth.mean()),
                "low": low if math.isfinite(low) else None,
                "high": high if math.isfinite(high) else None,
                "verdict": verdict(worth, within),
                "cut_loses": float(np.mean(cuts)) if cuts else None,
            }
        result.append(entry)
    return result


def table(records: Sequence[Mapping[str, Any]], name: str, within: float) -> str:
    """Returns the audit of a data set as a table in markdown."""
    place = PLACES[name]
    short = metrics.label(metric_of(place), place.dataset.target.convention).short
    lines = [
        f"| Resource | Seeds | {short} with | without | worth [95 %] | Verdict | Cut at test time: loses |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows(records, name, within):
        failed = row["failed"]
        failures = f" **{len(failed)} failed** ({'; '.join(failed[:2])})" if failed else ""
        if not row["seeds"]:
            lines.append(f"| {row['resource']} | 0 | – | – | – | not told{failures} | – |")
            continue
        ends = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
        lost = "–" if row["cut_loses"] is None else f"{row['cut_loses']:+.3f}"
        lines.append(
            f"| {row['resource']} | {row['seeds']} | {row['with']:.3f} | {row['without']:.3f} | {row['worth']:+.3f}"
            f"{ends} | {row['verdict']}{failures} | {lost} |"
        )
    return "\n".join(lines)


def write(records: Sequence[Mapping[str, Any]], names: Sequence[str], within: float) -> None:
    """Writes what the app shows (others stay as they stand), and the table of docs/why-fuse.md."""
    board = json.loads(BOARD.read_text())
    for name in names:
        dataset = PLACES[name].dataset
        label = metrics.label(metric_of(PLACES[name]), dataset.target.convention)
        found = rows(records, name, within)
        board[name] = {
            "title": PLACES[name].title or dataset.title,
            "short": label.short,
            "seeds": max(row["seeds"] for row in found),
            "within": within,
            "rows": found,
        }
    with atomic(BOARD) as part:
        part.write_text(json.dumps(board, indent=1) + "\n")
    parts = [
        f"**{PLACES[name].title or PLACES[name].dataset.title}**\n\n{table(records, name, within)}"
        for name in names
    ]
    today = time.strftime("%Y-%m-%d")
    tables.write("audit", "\n\n".join([*parts, tables.provenance("audit.py", today)]), PAGE)


def main() -> None:
    """Trains what is missing and prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=["parity"], help=f"of {', '.join(PLACES)}")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--within", type=float, default=WITHIN, help="what counts as no difference")
    parser.add_argument("--only", nargs="*", default=[], choices=list(VARIANTS), metavar="VARIANT")
    parser.add_argument(
        "--epochs",
        type=int,
        default=0,
        help="fewer, to try the script; such runs are not compared with others",
    )
    parser.add_argument("--cache", type=Path, default=RUNS, help="keeps finished runs, a line each")
    parser.add_argument(
        "--plan",
        action="store_true",
        help="train nothing; say what is missing and how long it takes",
    )
    parser.add_argument(
        "--finished", action="store_true", help="train nothing; print what the cache holds"
    )
    parser.add_argument(
        "--write", action="store_true", help="write what the app shows and the table of the docs"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if unknown := [name for name in arguments.names if name not in PLACES]:
        parser.error(f"no such data set: {', '.join(unknown)}; choose of {', '.join(PLACES)}")
    wanted = list(runs(arguments.names, arguments.seeds, arguments.only))
    if arguments.epochs:
        for run in wanted:
            run.__dict__["options"] = replace(run.options, epochs=arguments.epochs)
    known = leaderboard.read(arguments.cache)
    left = [run for run in wanted if run.key not in known]
    if arguments.plan:
        plan(left)
        return
    for number, run in enumerate([] if arguments.finished else left, 1):
        record = known[run.key] = measure(run)
        leaderboard.keep(record, arguments.cache)
        result = record.get("failed") or f"{record['test'][metric_of(run.place)]:.4f}"
        print(
            f"{number}/{len(left)} {run.data} {run.variant} seed {run.seed}: {result}, {record['seconds']:.0f} s",
            flush=True,
        )
    records = [known[run.key] for run in wanted if run.key in known]
    if arguments.write:
        write(records, arguments.names, arguments.within)
        return
    for name in arguments.names:
        print(
            f"\n### {PLACES[name].title or PLACES[name].dataset.title}\n\n{table(records, name, arguments.within)}"
        )


def plan(left: Sequence[Run]) -> None:
    """Prints what is still to be trained and about how long it takes, from one timed epoch (the second) of each."""
    total, groups = 0.0, {}
    for run in left:
        groups.setdefault((run.data, run.variant), []).append(run)
    for (name, variant), members in groups.items():
        first = members[0]
        history = train(
            VARIANTS[variant].kind,
            first.place.dataset,
            first.settings,
            replace(first.options, epochs=2),
            0,
        ).history
        seconds = history[-1].seconds * first.options.epochs
        total += seconds * len(members)
        print(f"{name} {variant}: {len(members)} runs of at most {seconds:.0f} s", flush=True)
    print(f"{len(left)} runs, at most {total / 60:.0f} minutes on one core as busy as now")


if __name__ == "__main__":
    main()
