"""Trains the models of the boards by one protocol: a search of equal size for each, then new seeds.

    QFUSION_DATA=FOLDER python benchmarks/board.py [BOARD ...] [--models MODEL ...] [--processes N | --cluster ADDRESS]
    python benchmarks/board.py --plan             # what is left, and about how long it takes

benchmarks/board_plan.toml states the protocol and was committed before the first run. Each training becomes a line of
benchmarks/runs/board-BOARD.jsonl with its settings, date and digest of the code; what is there is not repeated. The
weights of the two systems lie in benchmarks/runs/board, from where scripts/train_models.py ships those of the first
seed. benchmarks/leaderboard.py writes the boards from these lines.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import crossed  # noqa: E402
import joint  # noqa: E402
from board_protocol import BOARDS, CONTENDERS, PLAN, Training, draw, finals, trials  # noqa: E402
from code_digest import code_digest  # noqa: E402

from qfusion.explain.disturbances import robustness  # noqa: E402
from qfusion.models import FusionModel  # noqa: E402
from qfusion.runs import cluster  # noqa: E402
from qfusion.training import Result, checkpoint, checkpoint_cards, metrics, train  # noqa: E402

RUNS = ROOT / "benchmarks" / "runs"
WEIGHTS = RUNS / "board"
# metrics of the robustness that are kept
ROBUST = {"regression": ("mae", "r2", "corr", "acc2_non0"), "classification": ("accuracy", "nll")}

Record = dict[str, Any]


def main() -> None:
    """Reads the command line and trains what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BOARDS)}; default all")
    parser.add_argument("--models", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--processes", type=int, default=1, help="trainings side by side")
    parser.add_argument(
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="have the workers of this Dask scheduler train, started with PYTHONPATH=.:benchmarks",
    )
    parser.add_argument("--plan", action="store_true", help="train nothing; print what is left")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.names or list(BOARDS)
    if arguments.plan:
        print_plan(names, arguments.models)
        return
    if code_digest() != PLAN["code"]:
        raise SystemExit(
            f"The code that trains has the digest {code_digest()}, but the plan was made for {PLAN['code']}. "
            "Train in a checkout of the commit of the plan, or write the new digest into it and train all anew."
        )
    with cluster.connect(arguments.cluster) as client:
        for name in names:
            for model in BOARDS[name].models:
                if model in arguments.models:
                    run(name, model, client, arguments.processes)


def run(name: str, model: str, client: Any = None, processes: int = 1) -> None:
    """Searches a model's setting on a board and trains its seeds; what the file of the board holds is not repeated."""
    searched = BOARDS[name].chosen_on or name
    tuned = CONTENDERS[model].of or model
    complete(trials(searched, tuned), client, processes)
    complete(finals(name, model, best(searched, tuned)), client, processes)


def best(name: str, model: str) -> dict[str, Any]:
    """Returns the setting that a model's search on a board chose.

    Raises:
        KeyError: when a training of the search is missing.
    """
    found = read(name)
    records = [found[each.key] for each in trials(name, model)]
    metric = BOARDS[name].metric
    sign = 1 if metrics.LABELS[metric].higher_is_better else -1

    def standing(record: Record) -> tuple[float, float]:
        return (sign * record["valid"][metric], -record["loss"])

    return dict(max(records, key=standing)["drawn"])


def complete(wanted: Sequence[Training], client: Any = None, processes: int = 1) -> None:
    """Trains what the files of the boards lack and adds a line for each as it ends."""
    left = [each for each in wanted if each.key not in read(each.board)]
    for record in spread(left, client, processes):
        keep(record)
        print(
            f"{record['board']} {record['model']} {'seed' if record['final'] else 'trial'} {record['seed']}: "
            f"{record['shown']:.4f}, {record['seconds']:.0f} s",
            flush=True,
        )


def spread(left: Sequence[Training], client: Any, processes: int) -> Iterator[Record]:
    """Yields the records of trainings as they end: of this process, of several, or of a cluster's workers."""
    if client is not None:
        words = [(each,) for each in left]
        yield from (record for _, record in cluster.map_parts(client, measure, words, False))
    elif processes > 1:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            for future in as_completed([pool.submit(measure, each) for each in left]):
                yield future.result()
    else:
        yield from map(measure, left)


def measure(training: Training) -> Record:
    """Trains one model and returns the record that is kept."""
    torch.set_num_threads(1)
    board = BOARDS[training.board]
    start = time.process_time()
    result = train(training.kind, board.dataset, training.settings, training.options, training.seed)
    seconds = time.process_time() - start
    record = {
        "key": training.key,
        "board": training.board,
        "model": training.model,
        "seed": training.seed,
        "final": training.final,
        "drawn": dict(training.drawn),
        "code": code_digest(),
        "date": date.today().isoformat(),
        "seconds": round(seconds, 2),
        "epochs": len(result.history),
    }
    return record | (_tested if training.final else _validated)(training, result)


def _validated(training: Training, result: Result) -> Record:
    board = BOARDS[training.board]
    valid = metrics.evaluate(result.model, board.dataset, "valid")
    return {
        "valid": valid,
        "loss": result.history[-1].valid_loss,
        "shown": valid[board.metric],
    }


def _tested(training: Training, result: Result) -> Record:
    board, split = BOARDS[training.board], training.options.split
    measured = {
        part: metrics.evaluate(result.model, board.dataset, part)
        for part in ("train", "valid", "test")
    }
    if CONTENDERS[training.model].role == "system":
        _keep_weights(training, result, measured)
    return {
        "shown": measured["test"][board.metric],
        "test": measured["test"],
        "train": metrics.evaluate(result.model, board.dataset, split),
        "valid": measured["valid"],
        **counts(result.model),
        "gradient_norms": [float(f"{p.gradient_norm:.5g}") for p in result.history],
        "outcomes": crossed.written(
            crossed.outcomes(result.model, board.dataset, board.dataset.rows("test"))
        ),
        **joint.fused(result.model.double().eval(), board.dataset, split),
        **({} if training.seed else {"robustness": _robustness(training, result.model)}),
    }


def counts(model: FusionModel) -> dict[str, int]:
    """Returns how many parameters a model has, in total and after its encoders."""
    total = sum(p.numel() for p in model.parameters())
    encoders = sum(p.numel() for p in model.encoders.parameters())
    return {"parameters": total, "after_encoders": total - encoders}


def _robustness(training: Training, model: FusionModel) -> list[Record]:
    dataset, split = BOARDS[training.board].dataset, training.options.split
    frame = robustness(model, dataset, "test", split, most=joint.BACKGROUND_ROWS)
    keys = ROBUST[dataset.target.kind]
    return [
        {
            **{key: line[key] for key in ("kind", "modality", "level")},
            **{key: float(f"{line[key]:.6g}") for key in keys},
        }
        for line in frame.to_dict("records")
    ]


def weights(name: str, model: str, seed: int) -> Path:
    """Returns where the card of a trained system is kept, beside its weights."""
    return WEIGHTS / f"{name}-{model}-seed{seed}.json"


def _keep_weights(training: Training, result: Result, measured: Mapping[str, Any]) -> None:
    board, path = BOARDS[training.board], weights(training.board, training.model, training.seed)
    label = CONTENDERS[training.model].label
    card = checkpoint_cards.make_card(
        result.model,
        board.dataset,
        name=path.stem,
        title=f"{label} on {board.dataset.title}",
        seed=training.seed,
        training=result.settings(),
        metrics={},
        this_seed=dict(measured),
        seeds=list(range(PLAN["seeds"])),
    )
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    checkpoint.save(path, result.model, card)


def file_of(name: str) -> Path:
    """Returns the file of a board's records."""
    return RUNS / f"board-{name}.jsonl"


def read(name: str) -> dict[str, Record]:
    """Returns the records of a board by key; a line that was cut short when the machine stopped is left out."""
    found = {}
    for line in file_of(name).read_text().splitlines() if file_of(name).is_file() else ():
        try:
            record = json.loads(line)
            found[record["key"]] = record
        except (ValueError, KeyError, TypeError):
            print(f"{file_of(name).name}: a line cannot be read and is left out", file=sys.stderr)
    return found


def keep(record: Record) -> None:
    """Adds a record to its board's file, on a line of its own also behind one that was cut short."""
    path = file_of(record["board"])
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = not path.is_file() or path.read_bytes()[-1:] in (b"\n", b"")
    with path.open("a") as kept:
        kept.write(("" if whole else "\n") + json.dumps(record) + "\n")


def print_plan(names: Iterable[str], models: Sequence[str]) -> None:
    """Prints how many trainings are left, and how long they take by one timed epoch (the second) of each model."""
    total = 0.0
    for name in names:
        done = [record["model"] for record in read(name).values()]
        for model in (each for each in BOARDS[name].models if each in models):
            search = [] if BOARDS[name].chosen_on or CONTENDERS[model].of else trials(name, model)
            left = len(search) + PLAN["seeds"] - done.count(model)
            if left == 0:
                continue
            (timed, *_) = finals(name, model, draw(name, model, 0))
            two = timed.options.replace(epochs=2)
            history = train(timed.kind, BOARDS[name].dataset, timed.settings, two, 0).history
            seconds = left * history[-1].seconds * max(BOARDS[name].epochs)
            total += seconds
            print(f"{name} {model}: {left} trainings, at most {seconds:.0f} s", flush=True)
    print(f"At most {total / 3600:.1f} hours of one core as busy as now")


if __name__ == "__main__":
    import board  # by the name that workers of a cluster know it by, too

    board.main()
