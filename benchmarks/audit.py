"""Does the quantum part matter? The quantum models against twins that lack a resource, trained on equal terms.

    QFUSION_DATA=FOLDER python benchmarks/audit.py [parity planted ...] [--seeds 10] [--within .02] [--cache FILE.jsonl]
    python benchmarks/audit.py parity --plan         # what would be trained, with one timed epoch of each
    python benchmarks/audit.py parity --finished     # the table of what the cache holds; --write puts it on the page

With --finished a record counts by its data set, variant and seed, whatever its key says: settings that are worked out
from the code, such as the rank of the bilinear head, may have changed since, and what was measured stands all the same.

Equal terms are the leaderboard's (leaderboard_terms.py): on a data set full model and twins have the same encoders, the
schedule and the settings that were chosen for the system on validation rows, and the same seeds. What the verdicts mean
is said where they are made: qfusion/plugins/why/audit/audit_verdicts.py.

Beside it what the trained full model loses when the same resource is cut at test time. Differences are of the first
metric of the data's convention, above 0 where the full model is better. p-values are corrected over the rows of all
data sets that the page shows. A twin that fails to train says why, in its row. Every run is kept as a line of JSON and
not repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import leaderboard  # noqa: E402
import tables  # noqa: E402
from leaderboard_terms import CONTENDERS, PLACES, settings_of  # noqa: E402

from qfusion._files import atomic  # noqa: E402
from qfusion.plugins.why import evidence  # noqa: E402
from qfusion.plugins.why.audit import (  # noqa: E402
    audit_rows,
    audit_verdicts,
)
from qfusion.plugins.why.audit.audit_plan import QCNN, QJ, RESOURCES, VARIANTS  # noqa: E402
from qfusion.plugins.why.audit.twin_runs import (  # noqa: E402
    Run,
    Terms,
    summing,
    variant_settings as settings_for,
)
from qfusion.plugins.why.audit.words import explain_verdict  # noqa: E402
from qfusion.runs import cluster  # noqa: E402
from qfusion.study import metric_gains  # noqa: E402
from qfusion.training import train  # noqa: E402

RUNS = ROOT / "benchmarks" / "runs" / "audit.jsonl"
BOARD = ROOT / "qfusion" / "plugins" / "why" / "assets" / "audit.json"
PAGE = ROOT / "docs" / "plugins" / "why.md"
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
                kind: replace(one, options=one.options.replace(epochs=epochs))
                for kind, one in terms.items()
            }
        variants = {
            variant: (terms[own.system], settings_for(terms[own.system], variant))
            for variant, own in VARIANTS.items()
            if own.system in terms and (not only or variant in only)
        }
        for seed in range(seeds):
            for variant, (one, settings) in variants.items():
                yield Run(one, variant, seed, settings)


def finished(
    wanted: Sequence[Run], records: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Returns the records of some runs, each by its data set, variant and seed; of several, the last one with the run's
    own key, or the last one."""
    own = {run.key for run in wanted}
    known: dict[tuple[str, str, int], Mapping[str, Any]] = {}
    for record in records:
        name = (record["data"], record["variant"], record["seed"])
        if record["key"] in own or known.get(name, {}).get("key") not in own:
            known[name] = record
    names = [(run.terms.data, run.variant, run.seed) for run in wanted]
    return [known[name] for name in names if name in known]


def audit_of(records: Sequence[Mapping[str, Any]], name: str, within: float) -> dict[str, Any]:
    """Returns what is shown of a data set's records."""
    place = PLACES[name]
    own = [record for record in records if record["data"] == name]
    adds = summing(runs([name], 1, [], 0))
    return audit_rows.entry(own, place.dataset, place.title, within, adds)


def _ends(row: Mapping[str, Any], scope: str) -> str:
    low, high = audit_rows.ends(row, scope)
    return f"[{low:+.3f}, {high:+.3f}]" if math.isfinite(low) else "–"


def _p(row: Mapping[str, Any], scope: str) -> str:
    """The p-value of a difference of 0 and the corrected one; of a row that is no test the first alone is known."""
    test = row.get("tests", {}).get(scope)
    if test is None:
        return "–"
    return f"{test['differs']:.2g}, {test['holm']:.2g}" if "holm" in test else "–"


def _cells(row: Mapping[str, Any]) -> list[str]:
    failed = row["failed"]
    failures = f" **{len(failed)} failed** ({'; '.join(failed[:2])})" if failed else ""
    note = explain_verdict(row)
    verdict = f"{row['verdict']}{f' ({note})' if note else ''}{failures}"
    if not row["seeds"]:
        return [row["resource"], "0", *["–"] * 8, verdict, "–"]
    lost = row["cut_loses"]
    return [
        row["resource"],
        str(row["seeds"]),
        f"{row['with']:.3f}",
        f"{row['without']:.3f}",
        "–" if row["learned"] else f"{row['worth']:+.3f}",
        _ends(row, "seeds"),
        _p(row, "seeds"),
        _ends(row, "rows"),
        _p(row, "rows"),
        f"{row['margin']:.4f}",
        verdict,
        "–" if lost is None else f"{lost:+.3f}",
    ]


def table(audit: Mapping[str, Any]) -> str:
    """Returns the audit of a data set as a table in markdown."""
    header = [
        "Resource",
        "Seeds",
        f"{audit['short']} with",
        "without",
        "worth",
        "these rows [95 %]",
        "p, adjusted",
        "new rows [95 %]",
        "p, adjusted",
        "Margin",
        "Verdict",
        "Cut at test time: loses",
    ]
    return tables.markdown(header, [_cells(row) for row in audit["rows"]])


def in_short(board: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Returns what the audits of all data sets say together: a table of verdicts, and in words how many there are of
    each system, whichever way they point."""
    rows, words = [], []
    for system, name in ((QJ, "QiNN-QJ"), (QCNN, "the network")):
        of_system = []
        for resource in [row.title for row in RESOURCES if VARIANTS[row.full].system == system]:
            cells = []
            for audit in board.values():
                row = next((row for row in audit["rows"] if row["resource"] == resource), None)
                cells.append("–" if row is None else _cell(row))  # nobody trained these twins
                if row is not None:
                    of_system.append((audit["title"], row))
            rows.append([f"{name}: {resource}", *cells])
        words.append(_counts(name, of_system))
    header = ["Resource", *(audit["title"] for audit in board.values())]
    return tables.markdown(header, rows), "\n\n".join([*words, MEANING])


MEANING = (
    "Intervals are 95 % intervals, and verdicts hold after Holm's correction over all tests of the table. “On these "
    "rows”: for new training seeds on these test rows; undecided for new rows. Not needed: the difference is within "
    f"the margin, which is {audit_rows.WITHIN:g} or a quarter of the model's error, whichever is less."
)


def _cell(row: Mapping[str, Any]) -> str:
    worth = f" {row['worth']:+.3f}" if row["seeds"] and not row["learned"] else ""
    return f"{row['verdict']}{worth}"


def _counts(name: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """How many comparisons of a system have which verdict, and which those are that say that a resource matters."""
    by: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for title, row in rows:
        by.setdefault(row["verdict"], []).append((title, row))
    lines = [f"Of {name}, {len(rows)} comparisons:\n"]
    for verdict in sorted(by, key=audit_verdicts.verdict_rank):
        members = _members(verdict, by[verdict])
        lines.append(f"- {verdict}: {len(by[verdict])}" + (f" ({members})" if members else ""))
    return "\n".join(lines)


def _members(verdict: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """What is said of the comparisons of one verdict, those that have the same reason together; "" where their number
    says it."""
    if verdict.startswith("not ") or verdict == audit_verdicts.UNDECIDED:
        return ""
    if verdict == evidence.BY_CONSTRUCTION:
        reasons: dict[str, list[str]] = {}
        for title, row in rows:
            reasons.setdefault(explain_verdict(row), []).append(f"{row['resource']} on “{title}”")
        return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    return "; ".join(_member(title, row, verdict) for title, row in rows)


def _member(title: str, row: Mapping[str, Any], verdict: str) -> str:
    where, note = f"{row['resource']} on “{title}”", explain_verdict(row)
    if row["learned"]:
        return f"{where}: {note}"
    scope = "seeds" if verdict.endswith(audit_verdicts.HERE) else "rows"
    return f"{where} {row['worth']:+.3f} {_ends(row, scope)}{f', {note}' if note else ''}"


def write(audits: Mapping[str, dict[str, Any]]) -> None:
    """Writes what the app shows (others stay as they stand, but are corrected with them), the tables of
    docs/plugins/why.md."""
    board = json.loads(BOARD.read_text()) | audits
    audit_verdicts.judge(list(board.values()))
    verdicts, words = in_short(board)
    with atomic(BOARD) as part:
        part.write_text(json.dumps(board, indent=1) + "\n")
    tables.write("audit-short", f"{verdicts}\n\n{words}", PAGE)
    parts = [f"**{audit['title']}**, {_rows(audit)}\n\n{table(audit)}" for audit in board.values()]
    today = time.strftime("%Y-%m-%d")
    tables.write("audit", "\n\n".join([*parts, tables.provenance("audit.py", today)]), PAGE)


def _rows(audit: Mapping[str, Any]) -> str:
    return f"{audit['test_rows']:,} test rows, which count as {audit['independent']:,.0f} independent ones"


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
    parser.add_argument(
        "--within",
        type=float,
        default=audit_rows.WITHIN,
        help="the most that counts as no difference",
    )
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
    with cluster.connect(arguments.cluster) as client:
        words = [(run.terms.data, run.variant, run.seed, arguments.epochs) for run in left]
        records = (
            ((number, measured(run)) for number, run in enumerate(left))
            if client is None
            else cluster.map_parts(client, at_worker, words, ordered=False)
        )
        for count, (number, record) in enumerate(records, 1):
            run = left[number]
            if record["key"] != run.key:
                parser.error(f"a worker has other data or settings for {words[number]}")
            known[run.key] = record
            leaderboard.keep(record, arguments.cache)
            metric = metric_gains.main_metric(run.terms.dataset)[0]
            result = record.get("failed") or f"{record['test'][metric]:.4f}"
            print(
                f"{count}/{len(left)} {run.terms.data} {run.variant} seed {run.seed}: {result}, "
                f"{record['seconds']:.0f} s",
                flush=True,
            )
    records = finished(wanted, known.values())
    audits = {name: audit_of(records, name, arguments.within) for name in arguments.names}
    if arguments.write:
        write(audits)
        return
    audit_verdicts.judge(list(audits.values()))
    for audit in audits.values():
        print(f"\n### {audit['title']}, {_rows(audit)}\n\n{table(audit)}")


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
            options.replace(epochs=2),
            0,
        ).history
        seconds = history[-1].seconds * options.epochs
        total += seconds * len(members)
        print(f"{name} {variant}: {len(members)} runs of at most {seconds:.0f} s", flush=True)
    print(f"{len(left)} runs, at most {total / 60:.0f} minutes on one core as busy as now")


if __name__ == "__main__":
    import audit  # by the name that workers of a cluster know it by, too

    audit.main()
