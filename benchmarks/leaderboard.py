"""All models on all data sets over seeds: QiNN-QJ, the entangled QCNN, ablations and seven baselines, on equal
terms.

    QFUSION_DATA=FOLDER python benchmarks/leaderboard.py [mosi planted digits avdigits parity avparity ...]
                                                         [--cache FILE.jsonl] [--keep] [--beside]
                                                         [--anew DATA[:MODEL] ...]
                                                         [--runs-only --part I/N] [--cluster ADDRESS]
    python benchmarks/leaderboard.py --plan       # what would be trained, with one timed epoch of each

Equal terms: on a data set all models train on the same rows with the encoder settings (width, dropout, kind) and the
schedule of our shipped recipe for it (scripts/train_models.py), chosen for that model of ours and for nobody else;
where modalities decide only together, learning rate and shift were chosen for every model by the same tries on
validation rows (scripts/choose_parity.py). Encoders give about as many numbers per modality to every head, see
`PLACES`. `coupling_decay` acts on the two systems and their ablations alone, which have couplings.

Every finished run is kept as a line of JSON, in benchmarks/runs or the file that --cache names, and not repeated; the
first seed's weights are kept beside it (and, not being part of the repository, made again elsewhere), and its
robustness measured. Writes leaderboard.json of qfusion/plugins/papers/assets, which the Leaderboard page reads,
docs/plugins/leaderboard.md and the short table `leaderboard`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import crossed  # noqa: E402
import joint  # noqa: E402
import leaderboard_report as report  # noqa: E402
import leaderboard_text as text  # noqa: E402
import tables  # noqa: E402
from leaderboard_terms import CONTENDERS, PLACES, settings_of  # noqa: E402
from train_models import took  # noqa: E402

from qfusion import plugin  # noqa: E402
from qfusion._files import atomic  # noqa: E402
from qfusion.data import DataSet  # noqa: E402
from qfusion.explain.disturbances import robustness  # noqa: E402
from qfusion.models import FusionModel, build, registry  # noqa: E402
from qfusion.plugins.papers import ASSETS  # noqa: E402
from qfusion.runs import cluster  # noqa: E402
from qfusion.training import Options, Result, checkpoint, checkpoint_cards, metrics, train  # noqa: E402

SEEDS = 5
RUNS = ROOT / "benchmarks" / "runs" / "leaderboard.jsonl"
BOARD, PAGE = ASSETS / "leaderboard.json", ROOT / "docs" / "plugins" / "leaderboard.md"
# metrics that are kept
ROBUST = {"regression": ("mae", "r2", "corr", "acc2_non0"), "classification": ("accuracy", "nll")}


@dataclass(frozen=True)
class Run:
    """One training that the board needs."""

    data: str
    model: str
    seed: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the model."""
        place = PLACES[self.data]
        return settings_of(place, CONTENDERS[self.model], place.chosen_for(self.model))

    @cached_property
    def key(self) -> str:
        """Changes whenever anything that decides the result does, apart from the code."""
        place = PLACES[self.data]
        said = json.dumps(
            [
                self.data,
                place.dataset.digest,
                CONTENDERS[self.model].kind,
                self.settings,
                place.options_of(self.model).model_dump(),
                self.seed,
            ]
        )
        return hashlib.sha256(said.encode()).hexdigest()[:20]


def runs(names: Sequence[str], seeds: int) -> Iterator[Run]:
    """Yields the runs in the order in which they are made: data set by data set, all models seed by seed."""
    for name in names:
        for seed in range(seeds):
            for model in CONTENDERS:
                if model not in PLACES[name].without:
                    yield Run(name, model, seed)


def measure(run: Run, folder: Path) -> dict[str, Any]:
    """Trains one model and returns the record that is kept; the first seed's weights go into `folder`."""
    place, contender = PLACES[run.data], CONTENDERS[run.model]
    start, processor = time.perf_counter(), time.process_time()
    result = train(
        contender.kind, place.dataset, run.settings, place.options_of(run.model), run.seed
    )
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    measured = {
        split: metrics.evaluate(result.model, place.dataset, split)
        for split in (place.options.split, "test")
    }
    if run.seed == 0:
        _keep(run, result, measured, folder)
    return _record(run, result.model, measured) | took(result, seconds, processor)


def _record(run: Run, model: FusionModel, measured: dict[str, dict[str, float]]) -> dict[str, Any]:
    place = PLACES[run.data]
    return {
        "key": run.key,
        "data": run.data,
        "model": run.model,
        "seed": run.seed,
        "test": measured["test"],
        "train": measured[place.options.split],
        **counts(model),
        "outcomes": crossed.written(
            crossed.outcomes(model, place.dataset, place.dataset.rows("test"))
        ),
        **joint.fused(model.double().eval(), place.dataset, place.options.split),
    }


def counts(model: FusionModel) -> dict[str, int]:
    """Returns how many parameters a model has, in total and after its encoders."""
    total = sum(p.numel() for p in model.parameters())
    return {
        "parameters": total,
        "after_encoders": total - sum(p.numel() for p in model.encoders.parameters()),
    }


@lru_cache
def counted(name: str, model: str) -> dict[str, int]:
    """Returns the counts of a contender on a data set as the code builds it now.

    A row that was measured earlier has the counts of the code of its day. Where a later code holds the same model in
    fewer parameters, its training is the same and its counts are these.
    """
    dataset = PLACES[name].dataset
    settings = Run(name, model, 0).settings
    outputs = dataset.target.classes or ("score",)
    return counts(build(CONTENDERS[model].kind, dataset.input_specs, outputs, settings))


def shipped(run: Run, seeds: Path, folder: Path) -> dict[str, Any] | None:
    """Returns the record of a run that scripts/train_models.py has kept in `seeds`: same settings, options and seed;
    None where there is none. Without its `.run` file, nobody knows what it took."""
    for path in sorted(seeds.glob(f"*-seed{run.seed}.json")):
        card, beside = json.loads(path.read_text()), path.with_suffix(".run")
        same = card["data"]["name"] == run.data and card["model"] == CONTENDERS[run.model].kind
        if not same:
            continue
        model, options = (
            checkpoint.load(path).model,
            PLACES[run.data].options_of(run.model).model_dump(),
        )
        wanted = dict(run.settings)
        if "dims" in wanted:
            wanted["dims"] = [wanted["dims"]] * len(model.modalities)
        if any(model.settings[key] != value for key, value in wanted.items()) or any(
            card["training"][key] != value for key, value in options.items()
        ):
            continue
        if run.seed == 0:
            checkpoint.save(folder / f"{run.data}-{run.model}.json", model, card)
        effort = json.loads(beside.read_text()) if beside.is_file() else {}
        measured, split = dict(card["this_seed"]), PLACES[run.data].options.split
        if split not in measured:
            measured[split] = metrics.evaluate(model, PLACES[run.data].dataset, split)
        return _record(run, model, measured) | {"epochs": options["epochs"], **effort}
    return None


def _keep(run: Run, result: Result, measured: dict[str, Any], folder: Path) -> None:
    name = f"{run.data}-{run.model}"
    dataset = PLACES[run.data].dataset
    card = checkpoint_cards.make_card(
        result.model,
        dataset,
        name=name,
        title=f"{CONTENDERS[run.model].label} on {dataset.title}",
        seed=run.seed,
        training=result.settings(),
        metrics={split: metrics.summary([m]) for split, m in measured.items()},
        this_seed=measured,
        seeds=[run.seed],
    )
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


def keep(record: dict[str, Any], cache: Path | None) -> None:
    """Adds a run to those that are kept, on a line of its own also behind one that was cut short."""
    if cache:
        cache.parent.mkdir(parents=True, exist_ok=True)
        whole = not cache.is_file() or cache.read_bytes()[-1:] in (b"\n", b"")
        with cache.open("a") as kept:
            kept.write(("" if whole else "\n") + json.dumps(record) + "\n")


@dataclass(frozen=True)
class Anew:
    """What is to be measured anew although nothing but the code has changed: a data set, or one model on it."""

    data: str
    model: str = ""

    @classmethod
    def read(cls, words: str) -> Anew:
        """Returns what DATA or DATA:MODEL names.

        Raises:
            ArgumentTypeError: when there is no such data set or model.
        """
        name, _, model = words.partition(":")
        for word, known, what in (
            (name, PLACES, "data set"),
            (model or "late", CONTENDERS, "model"),
        ):
            if word not in known:
                raise argparse.ArgumentTypeError(
                    f"there is no {what} '{word}' on the leaderboard; there are {', '.join(known)}"
                )
        return cls(name, model)

    def names(self, data: str, model: str) -> bool:
        """Whether a model on a data set is meant."""
        return self.data == data and self.model in ("", model)


def forget(cache: Path, anew: Sequence[Anew]) -> int:
    """Takes the runs that are to be measured anew out of those that are kept, and returns how many they were.

    Keys do not tell the code by which a run was made. The weights of first seeds and their robustness go too.
    """
    records = read(cache)
    stale = {
        key: record
        for key, record in records.items()
        if any(one.names(record["data"], record["model"]) for one in anew)
    }
    if stale:
        with atomic(cache) as part:
            part.write_text(
                "".join(
                    json.dumps(record) + "\n" for key, record in records.items() if key not in stale
                )
            )
    for key, record in stale.items():
        weights = cache.with_suffix("") / f"{record['data']}-{record['model']}.json"
        for path in (
            weights,
            weights.with_suffix(".safetensors"),
            weights.with_name(f"robustness-{key}.json"),
        ):
            path.unlink(missing_ok=True)
    return len(stale)


def take_in(files: Sequence[Path], cache: Path) -> int:
    """Adds the runs that other processes have kept to those of `cache`, with the weights and the robustness beside
    them; returns how many they were. A run that is kept in both is the other process's."""
    folder = cache.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    taken = {key: record for file in files for key, record in read(file).items()}
    with atomic(cache) as part:
        records = {**read(cache), **taken}
        part.write_text("".join(json.dumps(record) + "\n" for record in records.values()))
    for file in files:
        beside_it = file.with_suffix("")
        for path in sorted(beside_it.iterdir()) if beside_it.is_dir() else ():
            shutil.copyfile(path, folder / path.name)
    return len(taken)


def at_worker(run: Run) -> tuple[dict[str, Any], dict[str, bytes]]:
    """On a worker of a cluster: the record of a run, and of a first seed the files of its weights and robustness."""
    with tempfile.TemporaryDirectory() as name:
        record = measure(run, Path(name))
        robust([record], Path(name))
        return record, {path.name: path.read_bytes() for path in Path(name).iterdir()}


def measured_over(client: Any, wanted: Sequence[Run], folder: Path) -> Iterator[dict[str, Any]]:
    """Yields the records of runs as the workers of a cluster end them; the files of first seeds are then in `folder`.

    Args:
        client: of `cluster.connect`; its workers import this module by its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = [(run,) for run in wanted]
    for number, (record, files) in cluster.map_parts(client, at_worker, words, ordered=False):
        if record["key"] != wanted[number].key:
            raise SystemExit(f"A worker has other data or settings for {wanted[number]}.")
        for name, data in files.items():
            with atomic(folder / name) as part:
                part.write_bytes(data)
        yield record


def collect(
    wanted: Sequence[Run],
    cache: Path | None,
    folder: Path,
    seeds: Path | None = None,
    address: str = "",
) -> list[dict[str, Any]]:
    """Returns the records of all runs, trained where they are not kept yet (nor among the `seeds` of a shipped model),
    by the workers of the cluster at an address; the weights of first seeds are in `folder`."""
    known = read(cache)
    left = [
        run
        for run in wanted
        if run.key not in known
        or not (run.seed or (folder / f"{run.data}-{run.model}.json").is_file())
    ]
    with cluster.connect(address) as client:
        records = (
            (
                (shipped(run, seeds, folder) if seeds else None) or measure(run, folder)
                for run in left
            )
            if client is None
            else measured_over(client, left, folder)
        )
        announced(records, len(left), cache, known)
    return [known[run.key] for run in wanted]


def announced(
    records: Iterator[dict[str, Any]], count: int, cache: Path | None, known: dict[str, Any]
) -> None:
    """Keeps records as they come, and prints a line for each."""
    for number, record in enumerate(records, 1):
        known[record["key"]] = record
        keep(record, cache)
        main_one = record["test"].get("accuracy", record["test"].get("mae"))
        seconds = record.get("seconds", 0)
        print(
            f"{number}/{count} {record['data']} {record['model']} seed {record['seed']}: {main_one:.4f}, "
            f"{seconds:.0f} s",
            flush=True,
        )


def plan(wanted: Sequence[Run], cache: Path | None) -> None:
    """Prints what is still to be trained and about how long it takes, from one timed epoch (the second) of each."""
    known, left, total = read(cache), {}, 0.0
    for run in wanted:
        if run.key not in known:
            left[run.data, run.model] = left.get((run.data, run.model), 0) + 1
    for (name, model), count in left.items():
        place = PLACES[name]
        options = place.options_of(model).replace(epochs=2)
        history = train(
            CONTENDERS[model].kind, place.dataset, Run(name, model, 0).settings, options, 0
        ).history
        each = history[-1].seconds * place.options.epochs
        total += each * count
        print(f"{name} {model}: {count} runs of at most {each:.0f} s", flush=True)
    print(f"{sum(left.values())} runs, at most {total / 60:.0f} minutes on one core as busy as now")


def robust(
    records: Sequence[dict[str, Any]], folder: Path
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Returns the robustness of every first seed, by data set and model; measured once for each, and kept beside the
    weights."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for record in (r for r in records if r["seed"] == 0):
        name, model = record["data"], record["model"]
        kept = folder / f"robustness-{record['key']}.json"
        if not kept.is_file():
            place = PLACES[name]
            frame = robustness(
                checkpoint.load(folder / f"{name}-{model}.json").model,
                place.dataset,
                "test",
                place.options.split,
                most=joint.BACKGROUND_ROWS,
            )
            keys = ROBUST[place.dataset.target.kind]
            lines = [
                {
                    "kind": r["kind"],
                    "modality": r["modality"],
                    "level": r["level"],
                    **{key: report.short(r[key]) for key in keys},
                }
                for r in frame.to_dict("records")
            ]
            with atomic(kept) as part:
                part.write_text(json.dumps(lines))
            print(f"robustness of {model} on {name}", flush=True)
        found.setdefault(name, {})[model] = json.loads(kept.read_text())
    return found


def terms(name: str) -> dict[str, Any]:
    """Returns what the board says about a data set: title, modalities, target, sizes, and the terms on which all were
    trained."""
    place = PLACES[name]
    dataset, target = place.dataset, place.dataset.target
    planted = {} if dataset.truth is None else {"planted_joint": joint.planted(dataset)}
    return {
        **planted,
        **test_items(dataset),
        "title": place.title or dataset.title,
        "source": dataset.name,
        "modalities": list(dataset.names),
        "target": target.kind,
        "classes": len(target.classes),
        "trained_on": len(dataset.rows(place.options.split)),
        "test": len(dataset.rows("test")),
        "encoder": place.encoder,
        "features": place.features,
        "dims": place.dims,
        "options": place.options.model_dump(),
        "chosen": {model: dict(differs) for model, differs in place.chosen.items()},
    }


def recipes(name: str, models: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Returns how models of a board are trained, by model: their settings, and options that differ from the board's.
    `python -m qfusion reproduce` trains the same."""
    place = PLACES[name]
    result = {}
    for model in models:
        options = place.options_of(model).model_dump()
        differs = {
            key: value for key, value in options.items() if value != getattr(place.options, key)
        }
        result[model] = {"settings": Run(name, model, 0).settings, "options": differs}
    return result


def test_items(dataset: DataSet) -> dict[str, Any]:
    """Returns how many independent items the test rows hold, and, where rows share items, which is each row's."""
    rows = dataset.rows("test")
    item_of_row = crossed.items_of(dataset, rows)
    if item_of_row is None:
        return {"items": len(rows)}
    return {"items": len(set(item_of_row.tolist())), "item_of_row": item_of_row.tolist()}


def again(board: dict[str, Any]) -> dict[str, Any]:
    """Returns a board with its tests, sentences and numbers of test items worked out anew; nothing is measured."""
    entries = {
        name: {**entry, **test_items(PLACES[name].dataset)} for name, entry in board["data"].items()
    }
    return report.again({**board, "data": entries})


def stay(
    board: dict[str, Any], names: Sequence[str], seeds: int, anew: Sequence[Anew] = ()
) -> dict[str, dict[str, tuple[dict[str, Any], Any]]]:
    """Returns the rows of a board that need not be made anew, by data set and model, each with its date, and its
    robustness.

    These are the rows of models whose settings have not changed on data sets whose terms have not; the rows of QiNN-QJ
    that were made before its read-out was a setting are those of its joint read-out. Their numbers of parameters are
    those of the code as it is (`counted`).

    Args:
        board: as it was written. names: data sets. seeds: that a row must have, besides its robustness.
        anew: what does not stay.
    """
    found: dict[str, dict[str, tuple[dict[str, Any], Any]]] = {}
    renamed = {} if "qj-joint" in board["contenders"] else {"qj": "qj-joint"}
    for name in (n for n in names if n in board["data"]):
        entry, now = board["data"][name], terms(name)
        before = {
            **now,
            **{key: entry[key] for key in now if key in entry},
            "options": {**Options().model_dump(), **entry["options"]},
            "chosen": now["chosen"],  # compared model by model, below
        }
        if json.loads(json.dumps(before)) != json.loads(json.dumps(now)):
            continue
        for old, row in entry["rows"].items():
            model = renamed.get(old, old)
            changed = (
                renamed
                and old not in renamed
                and board["contenders"][old]["kind"] == "quantum-jump"
            )
            if model not in CONTENDERS or any(one.names(name, model) for one in anew):
                continue
            chosen = chosen_in(entry["chosen"], old) == chosen_in(now["chosen"], model)
            whole = set(range(seeds)) <= set(row["seeds"]) and old in board["robustness"][name]
            if chosen and not changed and whole:
                found.setdefault(name, {})[model] = (
                    {"date": board["date"], **row, **counted(name, model)},
                    board["robustness"][name][old],
                )
    return found


def chosen_in(chosen: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Returns what was chosen for a model in the terms of a board; an ablation has its system's."""
    return chosen.get(model, chosen.get(model.partition("-")[0], {}))


def beside(board: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Returns a board with the data sets of an older one that it lacks, as they stand there, their rows dated."""
    found = {
        **board,
        "data": dict(board["data"]),
        "robustness": dict(board["robustness"]),
        "claims": {key: list(claims) for key, claims in board["claims"].items()},
    }
    for name in (n for n in old["data"] if n not in board["data"]):
        entry = old["data"][name]
        rows = {model: {"date": old["date"], **row} for model, row in entry["rows"].items()}
        found["data"][name] = {**entry, "rows": rows}
        found["robustness"][name] = old["robustness"].get(name, {})
        for key, claims in found["claims"].items():
            claims += [claim for claim in old["claims"][key] if claim["data"] == name]
    order = list(PLACES)
    found["data"] = {name: found["data"][name] for name in sorted(found["data"], key=order.index)}
    found["robustness"] = {
        name: found["robustness"][name] for name in found["data"] if name in found["robustness"]
    }
    for claims in found["claims"].values():
        claims.sort(key=lambda claim: order.index(claim["data"]))
    return found


def cards(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the shipped models of systems that stand on a board of their data, each beside that row.

    A shipped model keeps the weights and the card of the day when it was trained. Where the board has other settings,
    or the code has changed since, its number is another one, and the two must not stand under one name.
    """
    entries = []
    for path in plugin.glob_assets("models", "*.json"):
        card = json.loads(path.read_text())
        name = card["data"]["name"]
        for model, row in board["data"].get(name, {"rows": {}})["rows"].items():
            contender = CONTENDERS[model]
            if contender.role != "system" or contender.kind != card["model"]:
                continue
            key = board["data"][name]["headline"]
            entries.append(
                {
                    "card": card["name"],
                    "data": name,
                    "model": model,
                    "metric": key,
                    "shipped": report.short(card["metrics"]["test"][key]["mean"]),
                    "board": row["test"][key]["mean"],
                    "same_recipe": _same_recipe(card, Run(name, model, 0)),
                }
            )
    return entries


def _same_recipe(card: Mapping[str, Any], run: Run) -> bool:
    """Whether the model of a card has the settings and the options of a run of the same kind."""
    place = PLACES[run.data]
    options = place.options_of(run.model).model_dump()
    if any(card["training"].get(key, value) != value for key, value in options.items()):
        return False
    shipped = dict(card["settings"])
    if shipped.get("input_dropout", 0) < 0:  # as the hidden layers
        shipped["input_dropout"] = shipped["dropout"]
    wanted = registry.settings(CONTENDERS[run.model].kind) | run.settings
    each = len(place.dataset.modalities)
    return all(shipped.get(key, value) in (value, [value] * each) for key, value in wanted.items())


def write(board: dict[str, Any]) -> None:
    """Writes the board, the page of the documentation and its short table."""
    text.add_sentences(board)
    for name, entry in board["data"].items():
        entry["recipes"] = recipes(name, entry["rows"])
    board["cards"] = cards(board)
    with atomic(BOARD) as part:
        part.write_text(json.dumps(board, separators=(",", ":"), allow_nan=False) + "\n")
    below = tables.provenance("leaderboard.py", board["date"])
    boards = [
        f"### {entry['title']}\n\n{entry['trained_on']:,} rows to train on, {entry['test']:,} test rows.\n\n"
        + text.data_table(board, name)
        for name, entry in board["data"].items()
    ]
    tables.write("boards", "\n\n".join([*boards, below]), PAGE)
    tables.write("claims", text.claims(board) + f"\n\n{below}", PAGE)
    tables.write("cards", text.cards(board), PAGE)
    tables.write("published", text.published(board), PAGE)
    tables.write("agreement", text.agreement(board) + f"\n\n{below}", PAGE)
    tables.write("robustness", text.robustness(board) + f"\n\nFirst seed of each. {below}", PAGE)
    tables.write("leaderboard", text.short_table(board) + f"\n\n{below}")


def main() -> None:
    """Trains what is missing and writes the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PLACES)}; default all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--cache", type=Path, default=RUNS, help="keeps finished runs, a line each")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="train only what has changed since the board was made: rows that stand on it with the "
        "same terms and the same model stay, with their date",
    )
    parser.add_argument(
        "--anew",
        nargs="*",
        type=Anew.read,
        default=(),
        metavar="DATA[:MODEL]",
        help="measure this again although nothing but the code has changed: its runs are taken out of the cache first",
    )
    parser.add_argument(
        "--take",
        nargs="*",
        type=Path,
        default=(),
        metavar="FILE.jsonl",
        help="first take in the runs that other processes have kept by --runs-only --cache FILE.jsonl",
    )
    parser.add_argument(
        "--beside",
        action="store_true",
        help="leave the boards of other data sets as they stand, with the date of their rows",
    )
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
    parser.add_argument(
        "--models", nargs="*", choices=list(CONTENDERS), help="these alone, with --runs-only"
    )
    parser.add_argument(
        "--shipped",
        type=Path,
        help="take the runs that scripts/train_models.py --runs FOLDER has kept on the same terms",
    )
    parser.add_argument(
        "--part",
        default="0/1",
        help="train the runs I of every N, as I/N, beside processes with the rest",
    )
    parser.add_argument(
        "--cluster",
        default="",
        metavar="ADDRESS",
        help="have the workers of this Dask scheduler train, started with PYTHONPATH=.:benchmarks",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="measure nothing; work out tests, sentences and tables anew from the board's own rows",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.again:
        write(again(json.loads(BOARD.read_text())))
        return
    names = arguments.names or list(PLACES)
    kept = (
        stay(json.loads(BOARD.read_text()), names, arguments.seeds, arguments.anew)
        if arguments.keep
        else {}
    )
    if arguments.anew and not arguments.plan:
        print(
            f"{forget(arguments.cache, arguments.anew)} runs are taken out of {arguments.cache.name}"
        )
    if arguments.take and not arguments.plan:
        taken = take_in(arguments.take, arguments.cache)
        print(f"{taken} runs are taken into {arguments.cache.name}")
    wanted = [
        run for run in runs(names, arguments.seeds) if run.model not in kept.get(run.data, {})
    ]
    wanted = [run for run in wanted if not arguments.models or run.model in arguments.models]
    part, parts = map(int, arguments.part.split("/"))
    wanted = wanted[part::parts]
    if arguments.finished:
        known = read(arguments.cache)
        wanted = [run for run in wanted if run.key in known]
    if arguments.plan:
        plan(wanted, arguments.cache)
        return
    with tempfile.TemporaryDirectory() as forgotten:
        folder = arguments.cache.with_suffix("") if arguments.cache else Path(forgotten)
        folder.mkdir(parents=True, exist_ok=True)
        records = collect(wanted, arguments.cache, folder, arguments.shipped, arguments.cluster)
        if arguments.runs_only:
            return
        records = [record | counted(record["data"], record["model"]) for record in records]
        names = [name for name in PLACES if name in kept or any(r["data"] == name for r in records)]
        contenders = {
            key: dict(label=c.label, kind=c.kind, role=c.role) for key, c in CONTENDERS.items()
        }
        robustness = robust(records, folder)
        for name, rows in kept.items():
            found = {model: old for model, (_, old) in rows.items()} | robustness.get(name, {})
            robustness[name] = {model: found[model] for model in CONTENDERS if model in found}
        earlier = {
            name: {model: row for model, (row, _) in rows.items()} for name, rows in kept.items()
        }
        board = report.assemble(
            records, names, contenders, {name: terms(name) for name in names}, robustness, earlier
        )
        write(beside(board, json.loads(BOARD.read_text())) if arguments.beside else board)


if __name__ == "__main__":
    import leaderboard  # by the name that workers of a cluster know it by, too

    leaderboard.main()
