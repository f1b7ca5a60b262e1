"""Does the quantum part matter? The quantum models against twins that lack a resource, trained on equal terms.

    QFUSION_DATA=FOLDER python benchmarks/audit.py [parity planted ...] [--seeds 10] [--within .02] [--cache FILE.jsonl]
    python benchmarks/audit.py parity --plan         # what would be trained, with one timed epoch of each
    python benchmarks/audit.py parity --finished     # the table of what the cache holds; --write puts it on the page

Equal terms are the leaderboard's (leaderboard_terms.py): on a data set full model and twins have the same encoders, the
schedule and the settings that were chosen for the system on validation rows, and the same seeds. What the verdicts mean
is said where they are made: qfusion/analysis/audit.py.

Beside it what the trained full model loses when the same resource is cut at test time. Differences are of the first
metric of the data's convention, above 0 where the full model is better. A twin that fails to train says why, in its
row. Every run is kept as a line of JSON and not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import leaderboard  # noqa: E402
import tables  # noqa: E402
from leaderboard_terms import CONTENDERS, PLACES, settings_of  # noqa: E402

from qfusion import _files  # noqa: E402
from qfusion._files import atomic  # noqa: E402
from qfusion.analysis.audit import (  # noqa: E402
    QCNN,
    QJ,
    RESOURCES,
    VARIANTS,
    WITHIN,
    Run,
    Terms,
    entry,
    metric_of,
    settings_of as settings_for,
)
from qfusion.runs import cluster  # noqa: E402
from qfusion.training import train  # noqa: E402

RUNS = ROOT / "benchmarks" / "runs" / "audit.jsonl"
BOARD, PAGE = _files.asset_path("audit.json"), ROOT / "docs" / "why-fuse.md"
SEEDS = 10


def terms_of(name: str, kind: str) -> Terms:
    """Returns what full model and twins of a system share on a data set of the board."""
    place = PLACES[name]
    system = next(key for key, contender in CONTENDERS.items() if contender.kind == kind)
    whole = settings_of(place, CONTENDERS[system], place.chosen_for(system))
    return Terms(name, place.dataset, whole, place.options_of(system))


def runs(names: Sequence[str], seeds: int, only: Sequence[str], epochs: int) -> Iterator[Run]:
    """Yields the runs seed by seed, so that whatever is finished can be compared; of fewer epochs where they say so."""
    for name in names:
        terms = {kind: terms_of(name, kind) for kind in (QJ, QCNN)}
        if epochs:
            terms = {
                kind: replace(one, options=replace(one.options, epochs=epochs))
                for kind, one in terms.items()
            }
        variants = {
            variant: (terms[own.system], settings_for(terms[own.system], variant))
            for variant, own in VARIANTS.items()
            if not only or variant in only
        }
        for seed in range(seeds):
            for variant, (one, settings) in variants.items():
                yield Run(one, variant, seed, settings)


def audit_of(records: Sequence[Mapping[str, Any]], name: str, within: float) -> dict[str, Any]:
    """Returns what is shown of a data set's records."""
    place = PLACES[name]
    own = [record for record in records if record["data"] == name]
    return entry(own, place.dataset, place.title, within)


def _by(row: Mapping[str, Any]) -> str:
    """Which twin counts, where it is one that lacks more than the resource."""
    own = next(one for one in RESOURCES if one.title == row["resource"])
    other = next((one.title for one in RESOURCES if one.twin == row["twin"]), "")
    return "" if row["twin"] == own.twin else f" [twin without {other}]"


def table(audit: Mapping[str, Any]) -> str:
    """Returns the audit of a data set as a table in markdown."""
    lines = [
        f"| Resource | Seeds | {audit['short']} with | without | worth [95 %] | Verdict | Cut at test time: loses |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in audit["rows"]:
        failed = row["failed"]
        failures = f" **{len(failed)} failed** ({'; '.join(failed[:2])})" if failed else ""
        if not row["seeds"]:
            lines.append(f"| {row['resource']} | 0 | – | – | – | not told{failures} | – |")
            continue
        ends = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
        lost = "–" if row["cut_loses"] is None else f"{row['cut_loses']:+.3f}"
        lines.append(
            f"| {row['resource']}{_by(row)} | {row['seeds']} | {row['with']:.3f} | {row['without']:.3f} | "
            f"{row['worth']:+.3f}{ends} | {row['verdict']}{failures} | {lost} |"
        )
    return "\n".join(lines)


def in_short(board: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Returns what the audits of all data sets say together: a table of verdicts, and in words how many there are of
    each system, whichever way they point."""
    bounds = {audit["within"] for audit in board.values()}
    rows, words = [], []
    for system, name in ((QJ, "QiNN-QJ"), (QCNN, "the network")):
        said: dict[str, list[str]] = {}
        for resource in [row.title for row in RESOURCES if VARIANTS[row.full].system == system]:
            cells = []
            for audit in board.values():
                row = next((row for row in audit["rows"] if row["resource"] == resource), None)
                if row is None:  # nobody trained these twins
                    cells.append("–")
                    continue
                verdict = row["verdict"].partition(" within")[0]
                said.setdefault(verdict, []).append(f"{resource} ({audit['title']})")
                cells.append(f"{verdict} {row['worth']:+.3f}" if row["seeds"] else verdict)
            rows.append([f"{name}: {resource}", *cells])
        total = sum(map(len, said.values()))
        words.append(
            f"Of {name}, {total} comparisons: "
            + "; ".join(
                f"{verdict} {len(places)}"
                + (f", {', '.join(places)}" if not verdict.startswith("not") else "")
                for verdict, places in sorted(said.items())
            )
            + "."
        )
    bound = f"Not needed: no difference of {max(bounds)} or more in the test result, by two one-sided tests."
    header = ["Resource", *(audit["title"] for audit in board.values())]
    return tables.markdown(header, rows), " ".join([bound, *words])


def write(audits: Mapping[str, dict[str, Any]]) -> None:
    """Writes what the app shows (others stay as they stand), the tables of docs/why-fuse.md, and a line of README."""
    board = json.loads(BOARD.read_text()) | audits
    verdicts, words = in_short(board)
    with atomic(BOARD) as part:
        part.write_text(json.dumps(board, indent=1) + "\n")
    tables.write("audit-short", f"{verdicts}\n\n{words}", PAGE)
    tables.write("audit-words", words)
    parts = [f"**{audit['title']}**\n\n{table(audit)}" for audit in audits.values()]
    today = time.strftime("%Y-%m-%d")
    tables.write("audit", "\n\n".join([*parts, tables.provenance("audit.py", today)]), PAGE)


def at_worker(data: str, variant: str, seed: int, epochs: int) -> dict[str, Any]:
    """On a worker of a cluster: the record of a run."""
    return measured(list(runs([data], seed + 1, [variant], epochs))[-1])


def measured(run: Run) -> dict[str, Any]:
    """Trains a run, and returns its record with the seconds it took."""
    start = time.perf_counter()
    return run.measure() | {"seconds": round(time.perf_counter() - start, 1)}


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
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="have the workers of this Dask scheduler train, started with PYTHONPATH=.:benchmarks",
    )
    parser.add_argument(
        "--write", action="store_true", help="write what the app shows and the table of the docs"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if unknown := [name for name in arguments.names if name not in PLACES]:
        parser.error(f"no such data set: {', '.join(unknown)}; choose of {', '.join(PLACES)}")
    wanted = list(runs(arguments.names, arguments.seeds, arguments.only, arguments.epochs))
    known = leaderboard.read(arguments.cache)
    left = [run for run in wanted if run.key not in known]
    if arguments.plan:
        plan(left)
        return
    left = [] if arguments.finished else left
    with cluster.connected(arguments.cluster) as client:
        words = [(run.terms.data, run.variant, run.seed, arguments.epochs) for run in left]
        records = (
            ((number, measured(run)) for number, run in enumerate(left))
            if client is None
            else cluster.over(client, at_worker, words, ordered=False)
        )
        for count, (number, record) in enumerate(records, 1):
            run = left[number]
            if record["key"] != run.key:
                parser.error(f"a worker has other data or settings for {words[number]}")
            known[run.key] = record
            leaderboard.keep(record, arguments.cache)
            metric = metric_of(run.terms.dataset)[0]
            result = record.get("failed") or f"{record['test'][metric]:.4f}"
            print(
                f"{count}/{len(left)} {run.terms.data} {run.variant} seed {run.seed}: {result}, "
                f"{record['seconds']:.0f} s",
                flush=True,
            )
    records = [known[run.key] for run in wanted if run.key in known]
    audits = {name: audit_of(records, name, arguments.within) for name in arguments.names}
    if arguments.write:
        write(audits)
        return
    for audit in audits.values():
        print(f"\n### {audit['title']}\n\n{table(audit)}")


def plan(left: Sequence[Run]) -> None:
    """Prints what is still to be trained and about how long it takes, from one timed epoch (the second) of each."""
    total, groups = 0.0, {}
    for run in left:
        groups.setdefault((run.terms.data, run.variant), []).append(run)
    for (name, variant), members in groups.items():
        first, options = members[0], members[0].terms.options
        history = train(
            VARIANTS[variant].kind,
            first.terms.dataset,
            first.settings,
            replace(options, epochs=2),
            0,
        ).history
        seconds = history[-1].seconds * options.epochs
        total += seconds * len(members)
        print(f"{name} {variant}: {len(members)} runs of at most {seconds:.0f} s", flush=True)
    print(f"{len(left)} runs, at most {total / 60:.0f} minutes on one core as busy as now")


if __name__ == "__main__":
    import audit  # by the name that workers of a cluster know it by, too

    audit.main()
