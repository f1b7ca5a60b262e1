"""`explain` and `track`: one sample's contributions, what built or cut them, and its state through the evolution."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from qfusion._checks import check, choose
from qfusion.commands.common import (
    Data,
    Json,
    Missing,
    Model,
    Noise,
    Seed,
    Swap,
    disturbance,
    inputs,
    load,
    number,
    output_index,
    print_json,
    print_table,
    table_path,
    write_chunks,
    write_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from qfusion.data import DataSet
    from qfusion.explain import AnyBackground, Explanation
    from qfusion.explain.interventions import Disturbance
    from qfusion.explain.verdicts import Doubt
    from qfusion.models import FusionModel
    from qfusion.track import Track
    from qfusion.training.checkpoint import Checkpoint
    from qfusion.training.options import Group


# The option of `explain` that says which term of the dynamics built which term of the decision.

SHOWN = 3  # terms of the dynamics that are printed for each contribution; all are in the JSON
Physics = Annotated[
    bool,
    typer.Option(
        "--physics",
        help="Say which coupling and dissipation built which contribution: of the sample, "
        "or on average over the split.",
    ),
]


def matrix(
    model: FusionModel,
    features: Mapping[str, Any],
    behind: AnyBackground,
    output: int,
    missing: Sequence[str],
) -> dict[str, Any]:
    """Returns what each term of the dynamics added to each dividend, what was there before it and is there after it,
    and the error.

    Args:
        missing: modalities that are left out: dividends that they take part in are 0.
    """
    from qfusion.explain import building

    built = building.built(model, features, behind, output, times=[0.0])
    there = np.array(
        [not set(name.split("+")) & set(missing) for name in built.dividends], dtype=float
    )
    keys = [parameter.key for parameter in built.terms]
    parts = {
        name: dict(zip(keys, row, strict=True))
        for name, row in zip(built.dividends, there[:, None] * built.parts, strict=True)
    }
    return {
        "physics": parts,
        "physics_start": dict(zip(built.dividends, there * built.start, strict=True)),
        "physics_end": dict(zip(built.dividends, there * built.end, strict=True)),
        "physics_terms": {term.key: term.title for term in built.terms},
        "physics_error": built.error,
        "physics_nodes": built.nodes,
        "physics_samples": built.count,
    } | ({} if built.count == 1 else _sizes(model, features, behind, output, there))


def _sizes(
    model: FusionModel,
    features: Mapping[str, Any],
    behind: AnyBackground,
    output: int,
    there: np.ndarray,
) -> dict[str, Any]:
    """What cancels in the mean over samples: the mean size of every part."""
    from qfusion.explain import building

    built_each = building.built_each(model, features, behind, output)
    parts = there[:, None] * built_each.sizes()[1]
    keys = [parameter.key for parameter in built_each.terms]
    return {
        "physics_sizes": {
            name: dict(zip(keys, row, strict=True))
            for name, row in zip(built_each.dividends, parts, strict=True)
        }
    }


def print_matrix(result: Mapping[str, Any]) -> None:
    """Prints every dividend with what it was without evolution, what it became, and the terms that did most of it."""
    titles, count = result["physics_terms"], result["physics_samples"]
    rows = [
        [
            name or "(none)",
            *(f"{result[key][name]:+.3f}" for key in ("physics_start", "physics_end")),
            _built(parts, titles),
        ]
        for name, parts in result["physics"].items()
    ]
    print_table(
        ["Contribution", "At t = 0", "At T", "Built by, largest first"],
        rows,
        title=f"What the dynamics built{'' if count == 1 else f', mean over {count:,} samples'}, error below "
        f"{max(result['physics_error'], 1e-15):.0e}",
    )


def _built(parts: Mapping[str, float], titles: Mapping[str, str]) -> str:
    order = sorted(parts, key=lambda key: -abs(parts[key]))
    lines = [f"{parts[key]:+.3f} {titles[key]}" for key in order[:SHOWN]]
    rest = order[SHOWN:]
    return "\n".join(
        lines + ([f"{sum(parts[key] for key in rest):+.3f} {len(rest)} others"] if rest else [])
    )


# The options of `explain` that take the correlations of a modality away at a time.

MAX_CURVE_TIMES = 1001
ALL = "all"
Cut = Annotated[
    list[str] | None,
    typer.Option(
        "--cut",
        metavar="MODALITY",
        help="Take the correlations of this modality away at a time, "
        "evolve on and read; may be given several times, or "
        "all.",
    ),
]
Times = Annotated[
    int | None,
    typer.Option(
        "--times", help="With --cut: how many times, evenly from 0 to the end; 21 unless given."
    ),
]


def check_cuts(
    cut: list[str] | None, times: int | None, sample: str | None, missing: list[str] | None
) -> None:
    """Raises InvalidInput where the options do not fit each other."""
    check(
        times is None or bool(cut),
        "Argument `--times` says at how many times to cut. Give --cut MODALITY too, or leave it out.",
    )
    check(
        times is None or 2 <= times <= MAX_CURVE_TIMES,
        f"Argument `--times` must lie between 2 and {MAX_CURVE_TIMES}, but is {times}. Give a number in that range.",
    )
    check(
        not cut or sample is not None,
        "Argument `--cut` follows one sample, but none is given. Add --sample ID.",
    )
    check(
        not cut or not missing,
        "Arguments `--cut` and `--missing` cannot be combined: a modality that is left out has no state to cut. Give "
        "one of them.",
    )


def curves(
    model: FusionModel,
    features: Mapping[str, Any],
    behind: AnyBackground,
    cut: Sequence[str],
    times: int | None,
    output: int,
) -> dict[str, Any]:
    """Returns times, undisturbed scores and dividends, and by modality and kind the scores, changes and dividends after
    the cut."""
    from qfusion.explain import cuts as method

    moments = np.linspace(0.0, float(getattr(model, "duration", 0.0)), times or method.TIMES)
    cuts = method.cuts(
        model,
        features,
        moments,
        modalities=None if ALL in cut else cut,
        kinds=tuple(method.KINDS),
        background=behind,
    )
    names, after, before = cuts.outputs, cuts.dividends, cuts.dividends_before
    assert after is not None
    assert before is not None

    def one(k: int, m: int) -> dict[str, Any]:
        return {
            "scores": dict(zip(names, cuts.scores[k, m, :, 0].T, strict=True)),
            "changes": dict(zip(names, cuts.changes[k, m, :, 0].T, strict=True)),
            "dividends": dict(zip(cuts.coalitions, after[k, m, :, 0, :, output].T, strict=True)),
        }

    return {
        "times": cuts.times,
        "background": "mean state of every modality",
        "output": names[output],
        "undisturbed": {
            "scores": dict(zip(names, cuts.before[0], strict=True)),
            "dividends": dict(zip(cuts.coalitions, before[0, :, output], strict=True)),
        },
        "modalities": {
            name: {kind: one(k, m) for k, kind in enumerate(cuts.kinds)}
            for m, name in enumerate(cuts.modalities)
        },
    }


def print_curves(result: Mapping[str, Any]) -> None:
    """Prints the score after each cut, a table a modality and a row a time."""
    output = result["output"]
    for name, kinds in result["modalities"].items():
        rows = [
            [number(t), *(number(kind["scores"][output][i]) for kind in kinds.values())]
            for i, t in enumerate(result["times"])
        ]
        print_table(
            ["t", *(f"{kind} at t" if kind != "held" else "held until t" for kind in kinds)],
            rows,
            title=f"{output} after the correlations of {name} are taken away, undisturbed "
            f"{number(result['undisturbed']['scores'][output])}",
        )


# `explain` and `track`: one sample's contributions, and its state through the evolution.

MAX_TIMES = 10_001
MAX_TRAJECTORIES = 10_000
BACKGROUNDS = ("joint", "product", "mixed", "zero")
Sample = Annotated[str | None, typer.Option("--sample", metavar="ID", help="Id of the sample.")]
Kind = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="KIND",
        help="What absent modalities are replaced by: joint, product, mixed or zero.",
    ),
]
Contrast = Annotated[
    str | None,
    typer.Option(
        "--contrast",
        metavar="ID",
        help="Another sample that stands in for absent modalities: why this decision rather "
        "than that one?",
    ),
]


def explain(
    model: Model,
    sample: Sample = None,
    data: Data = None,
    background: Kind = "joint",
    contrast: Contrast = None,
    split: Annotated[
        str | None, typer.Option(help="Explain a whole split; needs --out or --physics.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Which output; the first unless given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a table (.csv or .parquet), a row a sample.")
    ] = None,
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    cut: Cut = None,
    times: Times = None,
    physics: Physics = False,
    as_json: Json = False,
) -> None:
    """Split a decision exactly into what each modality and each combination contributed, against the training set or
    another background."""
    check(
        (sample is None) != (split is None),
        "Give either `--sample ID`, for one sample, or `--split SPLIT` with `--out FILE`, for all of its samples.",
    )
    check(
        split is None or out is not None or physics,
        "Argument `--split` needs a file to write to. Add --out FILE.csv.",
    )
    choose("Background", background, BACKGROUNDS)
    check(
        contrast is None or background == "joint",
        "Give either `--contrast ID` or `--background KIND`: a contrast is a background.",
    )
    check_cuts(cut, times, sample, missing)
    if out is not None:
        table_path(out)
    from qfusion.explain import stability
    from qfusion.training.options import joined

    with joined("cpu") as (group, _):
        result, dataset = load(model, data)
        rows = dataset.rows(split) if sample is None else np.array([dataset.row(sample)])
        wanted = disturbance(dataset.names, missing, swap, noise, seed)
        behind = _background(result, dataset, background, contrast, group)
        study = _Explained(result, dataset, rows, wanted, behind, group)
        index = output_index(result.model.outputs, output)
        words: dict[str, Any] = {}
        seeds = stability.measured(model, result.card, dataset)
        if sample is not None:
            explained = next(iter(study))[1]
            words = _sample(explained, dataset, rows[0], index) | {"disturbance": wanted.words}
            words["verdict"] = _verdict(
                explained, index, stability.doubt(seeds, dataset, rows, np.full(len(rows), index))
            )
            if cut:
                words["cut"] = curves(
                    result.model,
                    _features(result, dataset, rows, wanted),
                    behind,
                    cut,
                    times,
                    index,
                )
        if physics and group.leads:
            words |= matrix(
                result.model,
                _features(result, dataset, rows, wanted),
                behind,
                index,
                wanted.missing,
            )
        about = {
            "model": model,
            "data": dataset.name,
            "split": split,
            "n": len(rows),
            "background": behind.name,
            "background_size": behind.size,
            "output": result.model.outputs[index],
        }
        if out is None and sample is None:
            if group.leads:
                _print_split(about | {"disturbance": wanted.words} | words, as_json)
            return
        if out is None:
            _print_sample(words, as_json)
            return
        n = write_chunks(
            (
                (
                    number,
                    _table(
                        explanation,
                        dataset,
                        part,
                        index,
                        stability.doubt(seeds, dataset, part, np.full(len(part), index)),
                    ),
                )
                for (number, explanation), part in zip(study, study.parts, strict=True)
            ),
            out,
            group,
        )
        if sample is not None and group.leads:
            _print_sample(words, as_json)
        elif group.leads:
            _print_split(
                about
                | {"n": n, "seconds": study.seconds, "disturbance": wanted.words, "out": str(out)}
                | words,
                as_json,
            )


class _Explained:
    """The explanations of this process's chunks of rows, one after the other, and the seconds that they took: encoding
    the samples, evolving the observables, coalition values, dividends, Shapley values and interactions; not loading,
    nor encoding the background."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        dataset: DataSet,
        rows: np.ndarray,
        wanted: Disturbance,
        behind: AnyBackground,
        group: Group,
    ):
        from qfusion.explain import backgrounds

        self.checkpoint, self.dataset, self.disturbance, self.behind, self.seconds = (
            checkpoint,
            dataset,
            wanted,
            behind,
            0.0,
        )
        chunks = list(backgrounds.chunks(rows, group))
        self.places, self.parts = [place for place, _ in chunks], [part for _, part in chunks]

    def __iter__(self) -> Iterator[tuple[int, Explanation]]:
        from qfusion import explain as method
        from qfusion.explain import interventions

        for place, part in zip(self.places, self.parts, strict=True):
            features = _features(self.checkpoint, self.dataset, part, self.disturbance)
            started = time.perf_counter()
            explanation = method.explain(self.checkpoint.model, features, self.behind)
            _ = explanation.interaction  # worked out when first asked for
            self.seconds += time.perf_counter() - started
            yield (
                place,
                interventions.without(explanation, self.disturbance.missing)
                if self.disturbance.missing
                else explanation,
            )


def _features(
    result: Checkpoint, dataset: DataSet, rows: Any, wanted: Disturbance
) -> dict[str, Any]:
    """Inputs of rows of one split, with noise, and with modalities of others of that split."""
    from qfusion.explain import interventions
    from qfusion.training import checkpoint

    pool = dataset.rows(str(dataset.split[rows[0]]))
    return interventions.inputs(
        dataset, rows, wanted, checkpoint.training_split(result.card), pool, model=result.model
    )


def _background(
    result: Checkpoint, dataset: DataSet, kind: str, contrast: str | None, group: Group
) -> AnyBackground:
    from qfusion import explain as method
    from qfusion.explain import backgrounds
    from qfusion.training import checkpoint

    if contrast is not None:
        return method.background(
            result.model, inputs(dataset, [dataset.row(contrast)]), "contrast", label=contrast
        )
    return backgrounds.background_of(
        result.model,
        dataset,
        dataset.rows(checkpoint.training_split(result.card)),
        kind,
        group=group,
    )


def _sample(explanation: Explanation, dataset: DataSet, row: int, index: int) -> dict[str, Any]:
    names = explanation.coalitions
    truth = (
        dataset.y[row]
        if dataset.target.kind == "regression"
        else dataset.target.classes[dataset.y[row]]
    )
    return {
        "sample": dataset.ids[row],
        "output": explanation.outputs[index],
        "truth": truth,
        "prediction": explanation.prediction[0, index],
        "baseline": explanation.baseline[index],
        "coalitions": dict(zip(names, explanation.values[0, :, index], strict=True)),
        "dividends": dict(zip(names, explanation.dividends[0, :, index], strict=True)),
        "shapley": dict(zip(explanation.modalities, explanation.shapley[0, :, index], strict=True)),
        "interaction": {
            "+".join(explanation.modalities[m] for m in pair): explanation.interaction[
                0, pair[0], pair[1], index
            ]
            for pair in combinations(range(len(explanation.modalities)), 2)
        },
        "background": explanation.background,
        "background_size": explanation.background_size,
    }


def _verdict(explanation: Explanation, output: int, doubt: Doubt | None) -> dict[str, Any]:
    from qfusion.explain import verdicts

    verdict = verdicts.verdict(explanation, 0, output, doubt)
    conflict = verdicts.conflict(verdict)
    return verdict.record() | {
        "says": [
            f"{verdicts.decided(verdict)} {verdicts.largest_part(verdict.dividends)}.",
            f"Did the modalities conflict? {conflict}",
        ]
    }


def _table(
    explanation: Explanation, dataset: DataSet, rows: np.ndarray, output: int, doubt: Doubt | None
) -> pd.DataFrame:
    """A row a sample: its contributions, how its modalities relate, and which of them leads."""
    from qfusion.explain.verdicts import judge

    verdict = judge(explanation, output, doubt)
    return (
        explanation.frame(dataset.ids[rows].tolist(), output=output)
        .reset_index()
        .assign(relation=verdict.relation, leader=verdict.leaders)
    )


def _print_sample(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    truth = result["truth"] if isinstance(result["truth"], str) else number(result["truth"])
    title = (
        f"{result['sample']}: {result['output']} {number(result['prediction'])}, truth {truth}, "
        f"{result['disturbance']}, against {_against(result)}"
    )
    rows = [
        [
            name or "(none)",
            number(result["coalitions"][name]),
            _signed(value),
            _signed(result["shapley"].get(name)),
        ]
        for name, value in result["dividends"].items()
    ]
    print_table(
        ["Modalities", "Score with these", "Contribution", "Shapley value"], rows, title=title
    )
    for sentence in result["verdict"]["says"]:
        typer.echo(sentence)
    if "cut" in result:
        print_curves(result["cut"])
    if "physics" in result:
        print_matrix(result)


def _print_split(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
    elif "physics" in result:
        print_matrix(result)


def _against(result: dict[str, Any]) -> str:
    name, size = result["background"], result["background_size"]
    return f"{name} of {size:,} training samples" if name in ("joint", "product") else name


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def track(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    out: Annotated[Path, typer.Option(help="The table to write (.csv or .parquet), a row a time.")],
    times: Annotated[int, typer.Option(help="How many times, evenly from 0 to the end.")] = 101,
    trajectories: Annotated[
        int,
        typer.Option(
            help="Sample so many quantum-jump trajectories too, by the canonical jump operators."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the trajectories.")] = 0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Follow a sample's state through the evolution with QuTiP: entropies, negativity, purity over time."""
    check(
        2 <= times <= MAX_TIMES,
        f"Argument `--times` must lie between 2 and {MAX_TIMES}, but is {times}. Give a number in that range.",
    )
    check(
        0 <= trajectories <= MAX_TRAJECTORIES,
        f"Argument `--trajectories` must lie between 0 and {MAX_TRAJECTORIES}, but is {trajectories}. Give a number "
        "in that range.",
    )
    table_path(out)
    result, dataset = load(model, data)
    row = dataset.row(sample)
    from qfusion import track as tracking
    from qfusion.models import require

    physics = require(result.model, "time", "to track", f"Model '{model}'")
    system = physics.system()
    psi = physics.product_state(physics.encode(inputs(dataset, row)))[0].detach()
    tracked = tracking.track(
        system, psi, np.linspace(0, system.duration, times), trajectories=trajectories, seed=seed
    )
    write_table(tracking.to_frame(tracked).assign(**_trajectory_columns(tracked)), out)
    if as_json:
        jumps = [
            [{"t": t, "jump": k} for t, k in zip(run.jump_times, run.jump_operators, strict=True)]
            for run in tracked.trajectories
        ]
        print_json(
            {
                "model": model,
                "data": dataset.name,
                "sample": sample,
                "times": times,
                "out": str(out),
                "trajectories": jumps,
            }
        )


def _trajectory_columns(tracked: Track) -> dict[str, Any]:
    """Returns the mean over trajectories of each of their measures, with its standard error from two of them on."""
    runs, mean = tracked.trajectories, tracked.ensemble
    if mean is None:
        return (
            {f"trajectories:{name}": values for name, values in runs[0].measures.columns().items()}
            if runs
            else {}
        )
    errors = mean.measures_error.columns()
    return {
        f"trajectories:{name}{end}": result
        for name, values in mean.measures.columns().items()
        for end, result in (("", values), (":error", errors[name]))
    }
