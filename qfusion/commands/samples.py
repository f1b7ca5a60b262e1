"""`explain`, `track` and `why`: one sample's contributions, what built or cut them, its state through the evolution;
and whether fusion matters, for the data and for the model, and which piece of it does it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import RenderableType

import qfusion
from qfusion._checks import check, choose
from qfusion.commands.common import (
    Address,
    Data,
    Json,
    Missing,
    Model,
    Noise,
    Opened,
    Seed,
    Swap,
    disturbance,
    inputs,
    load,
    number,
    opened,
    print_result,
    table,
    table_path,
    write_chunks,
    write_table,
)

if TYPE_CHECKING:
    import pandas as pd


# The option of `explain` that says which term of the dynamics built which term of the decision.

SHOWN = 3  # terms of the dynamics that are printed for each contribution; all are in the JSON


def matrix(
    model: qfusion.models.FusionModel,
    features: Mapping[str, Any],
    behind: qfusion.explain.Background,
    output: int | None,
    missing: Sequence[str],
) -> dict[str, Any]:
    """Returns what each term of the dynamics added to each dividend, what was there before it and is there after it,
    and the error; of several samples also the mean size of every part, which their mean cancels.

    Args:
        output: number of the explained output; None for the class that each sample is decided for.
        missing: modalities that are left out: dividends that they take part in are 0.
    """
    attribution = qfusion.explain.path_attribution
    if output is None:
        built = attribution.aumann_shapley_over_classes(model, features, behind, times=[0.0])
    else:
        built = attribution.aumann_shapley(model, features, behind, output, times=[0.0])
    there = np.array(
        [not set(name.split("+")) & set(missing) for name in built.dividends], dtype=float
    )

    def by_term(parts: np.ndarray) -> dict[str, dict[str, float]]:
        return {
            name: {term.key: value for term, value in zip(built.terms, row, strict=True)}
            for name, row in zip(built.dividends, there[:, None] * parts, strict=True)
        }

    words = {
        "physics": by_term(built.parts),
        "physics_start": dict(zip(built.dividends, there * built.start, strict=True)),
        "physics_end": dict(zip(built.dividends, there * built.end, strict=True)),
        "physics_terms": {term.key: term.title for term in built.terms},
        "physics_error": built.error,
        "physics_nodes": built.nodes,
        "physics_samples": built.count,
    }
    if built.count > 1:
        if output is None:
            sizes = attribution.sizes_over_classes(model, features, behind)
        else:
            sizes = attribution.aumann_shapley_per_sample(model, features, behind, output).sizes()
        words["physics_sizes"] = by_term(sizes[1])
    return words


def matrix_table(result: Mapping[str, Any]) -> RenderableType:
    """Returns every dividend with what it was without evolution, what it became, and the terms that did most of it."""
    titles, count = result["physics_terms"], result["physics_samples"]
    rows = []
    for name, parts in result["physics"].items():
        order = sorted(parts, key=lambda key: -abs(parts[key]))
        lines = [f"{parts[key]:+.3f} {titles[key]}" for key in order[:SHOWN]]
        rest = [parts[key] for key in order[SHOWN:]]
        lines += [f"{sum(rest):+.3f} {len(rest)} others"] if rest else []
        start, end = (f"{result[key][name]:+.3f}" for key in ("physics_start", "physics_end"))
        rows.append([name or "(none)", start, end, "\n".join(lines)])
    return table(
        ["Contribution", "At t = 0", "At T", "Built by, largest first"],
        rows,
        f"What the dynamics built{'' if count == 1 else f', mean over {count:,} samples'}, error below "
        f"{max(result['physics_error'], 1e-15):.0e}",
    )


# The options of `explain` that take the correlations of a modality away at a time.


def curves(
    model: qfusion.models.FusionModel,
    features: Mapping[str, Any],
    behind: qfusion.explain.Background,
    cut: Sequence[str],
    times: int | None,
    output: int,
) -> dict[str, Any]:
    """Returns times, undisturbed scores and dividends, and by modality and kind the scores, changes and dividends after
    the cut."""
    cuts = qfusion.explain.state_cuts.cut_correlations(
        model,
        features,
        np.linspace(
            0.0, float(getattr(model, "duration", 0.0)), times or qfusion.explain.state_cuts.TIMES
        ),
        modalities=None if "all" in cut else cut,
        kinds=tuple(qfusion.explain.state_cuts.KINDS),
        background=behind,
    )
    names, after, before = cuts.outputs, cuts.dividends, cuts.dividends_before
    assert after is not None and before is not None
    return {
        "times": cuts.times,
        "background": "mean state of every modality",
        "output": names[output],
        "undisturbed": {
            "scores": dict(zip(names, cuts.before[0], strict=True)),
            "dividends": dict(zip(cuts.coalitions, before[0, :, output], strict=True)),
        },
        "modalities": {
            name: {
                kind: {
                    "scores": dict(zip(names, cuts.scores[k, m, :, 0].T, strict=True)),
                    "changes": dict(zip(names, cuts.changes[k, m, :, 0].T, strict=True)),
                    "dividends": dict(
                        zip(cuts.coalitions, after[k, m, :, 0, :, output].T, strict=True)
                    ),
                }
                for k, kind in enumerate(cuts.kinds)
            }
            for m, name in enumerate(cuts.modalities)
        },
    }


def curve_tables(result: Mapping[str, Any], what: str) -> list[RenderableType]:
    """Returns the explained output after each cut, a table a modality and a row a time; `what` it is in words."""
    output = result["output"]
    return [
        table(
            ["t", *(f"{kind} at t" if kind != "held" else "held until t" for kind in kinds)],
            [
                [number(t), *(number(kind["scores"][output][i]) for kind in kinds.values())]
                for i, t in enumerate(result["times"])
            ],
            f"{what} after the correlations of {name} are taken away, undisturbed "
            f"{number(result['undisturbed']['scores'][output])}",
        )
        for name, kinds in result["modalities"].items()
    ]


# `explain` and `track`: one sample's contributions, and its state through the evolution.

DEFAULT_BACKGROUND = "product"  # of explain.backgrounds, which is not loaded here
Kind = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="KIND",
        help="What absent modalities are replaced by: product (training samples, each modality on "
        "its own), joint (training samples as they occur), mixed or zero.",
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


def check_background(background: str, contrast: str | None) -> None:
    """Raises NotFound or InvalidInput where there is no such background, or one is given with a contrast."""
    choose("Background", background, ("product", "joint", "mixed", "zero"))
    check(
        contrast is None or background == DEFAULT_BACKGROUND,
        "Give either `--contrast ID` or `--background KIND`: a contrast is a background.",
    )


def explain(
    model: Model,
    sample: Annotated[
        str | None, typer.Option("--sample", metavar="ID", help="Id of the sample.")
    ] = None,
    data: Data = None,
    background: Kind = DEFAULT_BACKGROUND,
    contrast: Contrast = None,
    split: Annotated[
        str | None, typer.Option(help="Explain a whole split; needs --out or --physics.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            help="The class whose log-odds are explained, against all others; A:B explains class A "
            "rather than B. The class decided for unless given."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a table (.csv or .parquet), a row a sample.")
    ] = None,
    missing: Missing = None,
    swap: Swap = None,
    noise: Noise = None,
    seed: Seed = 0,
    cut: Annotated[
        list[str] | None,
        typer.Option(
            "--cut",
            metavar="MODALITY",
            help="Take the correlations of this modality away at a time, "
            "evolve on and read; may be given several times, or "
            "all.",
        ),
    ] = None,
    times: Annotated[
        int | None,
        typer.Option(
            "--times",
            min=2,
            max=1001,
            help="With --cut: how many times, evenly from 0 to the end; 21 unless given.",
        ),
    ] = None,
    physics: Annotated[
        bool,
        typer.Option(
            "--physics",
            help="Say which coupling and dissipation built which contribution: of the sample, "
            "or on average over the split.",
        ),
    ] = False,
    cluster: Address = "",
    as_json: Json = False,
) -> None:
    """Split a decision exactly into what each modality and each combination contributed, against a
    background made of the training set or another one."""
    check(
        (sample is None) != (split is None),
        "Give either `--sample ID`, for one sample, or `--split SPLIT` with `--out FILE`, for all of its samples.",
    )
    check(
        split is None or out is not None or physics,
        "Argument `--split` needs a file to write to. Add --out FILE.csv.",
    )
    check(
        out is not None or not cluster,
        "Argument `--cluster` shares the rows of a split. Add --split SPLIT --out FILE.csv, or leave it out.",
    )
    check_background(background, contrast)
    check(
        times is None or bool(cut),
        "Argument `--times` says at how many times to cut. Give --cut MODALITY too, or leave it out.",
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
    if out is not None:
        table_path(out)
    with (
        qfusion.training.processes.joined("cpu") as (group, _),
        qfusion.runs.cluster.connected(cluster) as client,
    ):
        here = opened(model, data, "auto", background, contrast, group)
        dataset = here.dataset
        rows = dataset.rows(split) if sample is None else np.array([dataset.row(sample)])
        wanted = disturbance(dataset.names, missing, swap, noise, seed)
        behind = here.behind
        wanted_output = qfusion.analysis.outputs.parse(output or "", here.classes)
        explained = wanted_output.of_model(here.explained)
        seconds = 0.0

        def tables() -> Iterator[tuple[int, pd.DataFrame]]:
            nonlocal seconds
            for number, (frame, took) in here.by_chunks(
                partial(_contributions, wanted_output, wanted), rows, client
            ):
                seconds += took
                yield number, frame

        if sample is not None:
            explanation, _ = _explained(wanted_output, wanted, here, rows)
            index = int(wanted_output.numbers(explanation)[0])
            doubt = _doubt(wanted_output, wanted, here, rows, np.array([index]))
            label = "" if wanted_output.reference is None else str(wanted_output)
            words = decision(explanation, dataset, rows[0], index, doubt, label)
            words["verdict"] |= _over_backgrounds(wanted_output, wanted, here, rows, words)
            words["disturbance"] = wanted.words
        else:
            words = {
                "model": model,
                "data": dataset.name,
                "split": split,
                "n": len(rows),
                "background": behind.name,
                "background_size": behind.size,
                "output": str(wanted_output) or "the class decided for"
                if here.classes
                else explained.outputs[0],
                **({} if out is None else {"seconds": 0.0}),
                "disturbance": wanted.words,
                **({} if out is None else {"out": str(out)}),
            }
        if cut:
            cut_index = int(wanted_output.numbers(explanation)[0])
            words["cut"] = curves(
                explained, _features(here, rows, wanted), behind, cut, times, cut_index
            )
        if physics and group.leads:
            features = _features(here, rows, wanted)
            words |= matrix(explained, features, behind, wanted_output.number, wanted.missing)
        if out is not None:
            write_chunks(tables(), out, group)
        if "seconds" in words:
            words["seconds"] = seconds
        if group.leads:
            _print(words, as_json)


def _contributions(
    wanted_output: qfusion.analysis.outputs.Output,
    wanted: qfusion.explain.disturbances.Disturbance,
    of: Opened,
    part: np.ndarray,
) -> tuple[pd.DataFrame, float]:
    """A row for each of some samples: its contributions, how its modalities relate, and which of them leads; and the
    seconds that it took. Here or on a worker."""
    explanation, seconds = _explained(wanted_output, wanted, of, part)
    numbers = wanted_output.numbers(explanation)
    doubt = _doubt(wanted_output, wanted, of, part, numbers)
    by_sign = qfusion.analysis.study.decides_by_sign(of.dataset)
    verdict = qfusion.explain.judge(explanation, numbers, doubt, by_sign)
    frame = explanation.frame(of.dataset.ids[part].tolist(), output=numbers).reset_index()
    if of.classes:
        names = np.array(explanation.outputs, dtype=object)
        pair = wanted_output.reference is not None
        frame.insert(1, "output", str(wanted_output) if pair else names[numbers])
    return frame.assign(relation=verdict.relation, leader=verdict.leaders), seconds


def _explained(
    wanted_output: qfusion.analysis.outputs.Output,
    wanted: qfusion.explain.disturbances.Disturbance,
    of: Opened,
    part: np.ndarray,
) -> tuple[qfusion.explain.Explanation, float]:
    """Some samples explained, and the seconds that it took."""
    features, behind = _features(of, part, wanted), of.behind
    # Encoding the samples, evolving the observables, coalition values, dividends, Shapley values and
    # interactions; not loading, nor encoding the background.
    started = time.perf_counter()
    explanation = qfusion.explain.explain(wanted_output.of_model(of.explained), features, behind)
    _ = explanation.interaction  # worked out when first asked for
    seconds = time.perf_counter() - started
    if wanted.missing:
        explanation = qfusion.explain.interventions.without(explanation, wanted.missing)
    return explanation, seconds


def _doubt(
    wanted_output: qfusion.analysis.outputs.Output,
    wanted: qfusion.explain.disturbances.Disturbance,
    of: Opened,
    part: np.ndarray,
    numbers: np.ndarray,
) -> qfusion.explain.verdicts.Doubt | None:
    """What training seeds leave open of some samples; None where they were not measured as these are explained."""
    as_recorded = wanted == qfusion.explain.disturbances.Disturbance(seed=wanted.seed)
    if not as_recorded or wanted_output.reference is not None:
        return None
    if of.behind.kind != qfusion.explain.backgrounds.DEFAULT:
        return None
    seeds = qfusion.explain.stability.measured(str(of.words[0]), of.trained.card, of.dataset)
    return qfusion.explain.stability.doubt(seeds, of.dataset, part, numbers)


def _features(
    of: Opened, rows: np.ndarray, wanted: qfusion.explain.disturbances.Disturbance
) -> dict[str, Any]:
    """Inputs of rows of one split, with noise, and with modalities of others of that split."""
    return qfusion.explain.disturbances.inputs(
        of.dataset, rows, wanted, of.trained_on, of.others(rows), model=of.trained.model
    )


def decision(
    explanation: qfusion.explain.Explanation,
    dataset: qfusion.data.DataSet,
    row: int,
    index: int,
    doubt: qfusion.explain.verdicts.Doubt | None,
    label: str = "",
) -> dict[str, Any]:
    """Returns what is printed of the decision on one sample: its terms, how well they are known, and the verdict.

    Args:
        explanation: of the sample in `row` alone. index: of the output. doubt: see `stability.doubt`.
        label: what the output is called; its name unless given.
    """
    names, classes = explanation.coalitions, dataset.target.classes
    words = qfusion.wording.verdicts
    by_sign = qfusion.analysis.study.decides_by_sign(dataset)
    verdict = qfusion.explain.verdict(explanation, 0, index, doubt, by_sign)
    errors = explanation.errors
    return {
        "sample": dataset.ids[row],
        "output": label or explanation.outputs[index],
        "quantity": "log-odds" if classes else "score",
        "truth": classes[dataset.y[row]] if classes else dataset.y[row],
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
        "spread": None if doubt is None else dict(zip(names[1:], doubt.spread[0], strict=True)),
        "standard_error": None
        if errors is None
        else dict(zip(names, errors[0, :, index], strict=True)),
        "verdict": verdict.record()
        | {
            "says": [
                f"{words.describe_decision(verdict)} {words.describe_largest(verdict.dividends)}.",
                f"Did the modalities conflict? {words.describe_conflict(verdict)}",
            ]
        },
    }


def _over_backgrounds(
    wanted_output: qfusion.analysis.outputs.Output,
    wanted: qfusion.explain.disturbances.Disturbance,
    of: Opened,
    rows: np.ndarray,
    words: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the relation against every background that verdicts are compared over, and its sentence; nothing where
    modalities are missing or the background is another one.

    Args:
        rows: of the sample alone. words: what is printed of its decision.
    """
    agreement, behind = qfusion.analysis.background_agreement, of.behind
    kinds = agreement.offered_kinds(of.explained)
    if wanted.missing or behind.kind not in kinds or "mixed" not in kinds:
        return {}
    by_sign = qfusion.analysis.study.decides_by_sign(of.dataset)
    relations = {behind.kind: words["verdict"]["relation"]}
    for kind in kinds:
        if kind not in relations:
            other = replace(of, words=(*of.words[:3], kind, None))
            explanation, _ = _explained(wanted_output, wanted, other, rows)
            index = int(wanted_output.numbers(explanation)[0])
            judged = qfusion.explain.verdict(explanation, 0, index, by_sign=by_sign)
            relations[kind] = judged.relation.value
    relations = {kind: relations[kind] for kind in kinds}
    says = [*words["verdict"]["says"], qfusion.wording.backgrounds.describe_agreement(relations)]
    return {"relation_by_background": relations, "says": says}


def _quantity_of(result: Mapping[str, Any]) -> str:
    """What is explained of a sample, in words."""
    if result["quantity"] == "log-odds":
        return f"log-odds of {result['output']}"
    return str(result["output"])


def _print(result: dict[str, Any], as_json: bool) -> None:
    words: list[str | RenderableType] = []
    if "verdict" in result:
        truth, behind = result["truth"], result["background"]
        if behind in ("joint", "product"):
            behind = f"{behind} of {result['background_size']:,} training samples"
        words.append(
            table(
                ["Modalities", "Value with these", "Contribution", "Shapley value"],
                _terms(result),
                f"{result['sample']}: {_quantity_of(result)} {number(result['prediction'])}, truth "
                f"{truth if isinstance(truth, str) else number(truth)}, {result['disturbance']}, against {behind}",
            )
        )
        words += result["verdict"]["says"]
    if "cut" in result:
        words += curve_tables(result["cut"], _quantity_of(result))
    if "physics" in result:
        words.append(matrix_table(result))
    print_result(result, as_json, *words)


def _terms(result: Mapping[str, Any]) -> list[list[str]]:
    """The rows of a decision's table: the baseline and every term; of many joint ones the largest, and what the others
    sum to."""
    dividends = result["dividends"]
    shown, others = qfusion.analysis.shown_terms.select_shown_terms([dividends])
    rows = [
        [
            name or "(none)",
            number(result["coalitions"][name]),
            f"{dividends[name]:+.3f}",
            f"{result['shapley'][name]:+.3f}" if name in result["shapley"] else "",
        ]
        for name in ("", *shown)
    ]
    if others:
        total = sum(dividends[name] for name in others)
        rows.append([f"({len(others):,} other joint terms)", "", f"{total:+.3f}", ""])
    return rows


def track(
    model: Model,
    sample: Annotated[str, typer.Option("--sample", metavar="ID", help="Id of the sample.")],
    out: Annotated[Path, typer.Option(help="The table to write (.csv or .parquet), a row a time.")],
    times: Annotated[
        int, typer.Option(min=2, max=10_001, help="How many times, evenly from 0 to the end.")
    ] = 101,
    trajectories: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000,
            help="Sample so many quantum-jump trajectories too, by the canonical jump operators.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the trajectories.")] = 0,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Follow a sample's state through the evolution with QuTiP: entropies, negativity, purity over time."""
    table_path(out)
    trained, dataset = load(model, data)
    physics = qfusion.models.require(trained.model, "time", "to track", f"Model '{model}'")
    system = physics.system()
    psi = physics.product_state(physics.encode(inputs(dataset, dataset.row(sample))))[0].detach()
    tracked = qfusion.track.track(
        system, psi, np.linspace(0, system.duration, times), trajectories=trajectories, seed=seed
    )
    write_table([qfusion.track.to_frame(tracked).assign(**_trajectory_columns(tracked))], out)
    print_result(
        {
            "model": model,
            "data": dataset.name,
            "sample": sample,
            "times": times,
            "out": str(out),
            "trajectories": [
                [
                    {"t": t, "jump": k}
                    for t, k in zip(run.jump_times, run.jump_operators, strict=True)
                ]
                for run in tracked.trajectories
            ],
        },
        as_json,
    )


def _trajectory_columns(tracked: qfusion.track.Track) -> dict[str, Any]:
    """Returns the mean over trajectories of each of their measures, with its standard error from two of them on."""
    runs, mean = tracked.trajectories, tracked.ensemble
    if mean is None:
        return (
            {f"trajectories:{name}": values for name, values in runs[0].measures.columns().items()}
            if runs
            else {}
        )
    return {
        f"trajectories:{name}{end}": values
        for end, measures in (("", mean.measures), (":error", mean.measures_error))
        for name, values in measures.columns().items()
    }


# `why`: does fusion matter, for the data and for the model, and which piece of it?

# `why --data`: whether the data need fusion.


def needs(name: str, as_json: bool) -> None:
    """Prints whether a data set needs fusion."""
    from qfusion.commands.data_fusion import needs_record

    result = needs_record(qfusion.analysis.fusion_tests.needs(qfusion.data.load(name)))
    tested = result["worth"]
    rows = [
        [of, *(_interval(part) for part in (entry["redundancy"], entry["synergy"], entry["total"]))]
        + [
            ", ".join(f"{one} {_interval(part)}" for one, part in entry[key].items())
            for key in ("unique", "alone")
        ]
        for of, entry in {
            **result["estimators"],
            **{f"{one} against the rest": entry for one, entry in result["against_rest"].items()},
        }.items()
    ]
    print_result(
        result,
        as_json,
        *(f"{words}." for words in result["says"]),
        table(
            [
                "Estimator",
                "Redundancy",
                "Synergy",
                "Total (lower bound)",
                "Unique",
                "Alone (lower bounds)",
            ],
            rows,
            f"Bits of the target of {name}, {result['entropy']:.2f} in all, from {result['n']:,} rows",
        ),
        table(
            ["Models", "Best", tested["metric"]],
            [[kind, model, _interval(tested[kind])] for kind, model in tested["models"].items()]
            + [[kind, "", _interval(tested[kind])] for kind in ("late - single", "joint - late")],
            "Small models on held-out rows",
        ),
        *result["notes"],
    )


def _interval(part: Mapping[str, Any]) -> str:
    return f"{part['value']:+.2f} [{part['low']:+.2f}, {part['high']:+.2f}]"


def of_model(model: str, data: str | None, as_json: bool) -> None:
    """Prints whether a model fuses: EMAP, what coalitions take off the loss, their ranking, and basins over seeds."""
    result = qfusion.wording.fusion.fusion_record(qfusion.analysis.opening.open_study(model, data))
    tables = [
        table(
            [*rows[0]],
            [
                [number(value) if isinstance(value, float) else value for value in row.values()]
                for row in rows
            ],
            name.replace("_", " "),
        )
        for name, part in result.items()
        for rows in part.values()
        if isinstance(rows, list) and rows
    ]
    print_result(result, as_json, *(part["says"] + "." for part in result.values()), *tables)


# Which piece does it?

Shown = tuple[dict[str, Any], list[str | RenderableType]]


def patch(study: qfusion.analysis.study.Study, sample: str, donor: str) -> Shown:
    """Returns the outputs on a sample with each modality's state at each time from another one."""
    result = qfusion.analysis.patching.patch_sample(study, study.dataset.row(sample), donor)
    shown = {
        "sample": sample,
        "donor": donor,
        "scores": dict(zip(result.outputs, result.before[0], strict=True)),
        "donor_scores": dict(zip(result.outputs, result.donor[0], strict=True)),
        "patches": result.frame().to_dict("records"),
    }
    rows = [
        [number(t, 2), *map(number, shares)]
        for t, shares in zip(result.times, result.restored[0, :, :, 0].T, strict=True)
    ]
    return shown, [
        qfusion.wording.cuts.describe_patches(result, donor=donor),
        table(
            ["t", *result.modalities],
            rows,
            f"Share of the difference restored by the state at t from {donor}",
        ),
    ]


def gate_groups(study: qfusion.analysis.study.Study, sample: str, shots: int) -> Shown:
    """Returns the Shapley values of the network's gate groups for one sample and for the loss."""
    row = study.dataset.row(sample)
    result = qfusion.analysis.patching.ablate_gate_groups(
        study, row, int(study.predicted[row]), shots
    )
    frame = result.frame()
    shown = {
        "sample": sample,
        "output": result.output,
        "shots": shots,
        "rows": result.rows,
        "empty": result.empty,
        "whole": result.whole,
        "groups": frame.to_dict("records"),
    }
    return shown, [
        *(
            f"{target.capitalize()}: "
            f"{qfusion.wording.evidence.describe_gate_groups(result, target, quantity=study.quantity)}"
            for target in result.shapley
        ),
        table(
            list(frame.columns),
            [[row[0], *map(number, row[1:])] for row in frame.itertuples(index=False)],
        ),
    ]


def smallest(study: qfusion.analysis.study.Study, retrain: int, name: str, keep: str) -> Shown:
    """Returns the generator with fewer and fewer terms, and puts the smallest one among the reader's models.

    Args:
        retrain: epochs to train every set on for; 0 does not. name: of the model. keep: what the smallest is
            called among the reader's own; "" puts none there.
    """
    result = qfusion.analysis.patching.prune_terms(study)
    tweak = result.tweak(result.size)
    shown: dict[str, Any] = {
        "metric": result.metric,
        "size": result.size,
        "of": len(result.terms),
        "left": list(result.left(result.size)),
        "tweak": str(tweak),
        "curve": result.frame().to_dict("records"),
    }
    words: list[str | RenderableType] = [qfusion.wording.building.describe_pruning(result)]
    source, change = load(name, study.dataset.name)[0], str(tweak)
    if retrain:
        values, trained = qfusion.explain.generator_retraining.retrain_sets(
            study.model, study.dataset, result, retrain
        )
        source, change = (
            qfusion.training.checkpoint.of(trained, study.dataset, name=keep or name),
            "",
        )
        shown["retrained"] = values
        words.append(
            f"{result.metric} by terms left, trained on for {retrain} epochs: "
            + ", ".join(f"{k}: {value:.3f}" for k, value in enumerate(values))
        )
    if keep:
        shown["model"] = str(qfusion.model_export.keep(source, change, study.dataset, keep))
        words.append(f"Written: {shown['model']}")
    return shown, [
        *words,
        table(
            ["terms", "next", result.metric, "share", "by gates", "then", "at random"],
            [
                [
                    row["terms"],
                    row["next"],
                    number(row[result.metric]),
                    f"{row['share']:.3f} [{number(row.get('share_low'))}, {number(row.get('share_high'))}]",
                    row["next_by_gates"],
                    number(row["by_gates"]),
                    number(row["random_mean"]),
                ]
                for row in shown["curve"]
            ],
        ),
    ]


def twins(study: qfusion.analysis.study.Study, seeds: int) -> Shown:
    """Trains the model's twins with so many seeds, and returns what each quantum resource is worth."""
    records = qfusion.analysis.twin_training.train_twins(study, seeds)
    shown = qfusion.analysis.audit.own_entry(study, records)
    rows = [
        [
            row["resource"],
            row["seeds"],
            "-" if "worth" not in row or row["learned"] else f"{row['worth']:+.3f}",
            *(_ends(row, scope) for scope in ("seeds", "rows")),
            number(row.get("margin")),
            row["verdict"],
            number(row.get("cut_loses")),
        ]
        for row in shown["rows"]
    ]
    failures = {failure: None for row in shown["rows"] for failure in row["failed"]}
    notes = [
        f"{row['resource']}: {note}"
        for row in shown["rows"]
        if (note := qfusion.analysis.audit_rows.note(row))
    ]
    return shown, [
        table(
            [
                "Resource",
                "Seeds",
                "Worth",
                "These rows",
                "New rows",
                "Margin",
                "Verdict",
                "Lost when cut",
            ],
            rows,
            f"{shown['short']}: better with each resource by, trained alike; 95 % intervals for new seeds on these "
            "rows, and for new rows, too",
        ),
        *notes,
        *(f"Not trained: {failure}" for failure in failures),
    ]


def _ends(row: Mapping[str, Any], scope: str) -> str:
    low, high = qfusion.analysis.audit_rows.ends(row, scope)
    return f"[{low:+.3f}, {high:+.3f}]" if np.isfinite(low) else "-"


def why(
    model: Model = "",
    data: Data = None,
    patching: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--patch",
            metavar="SAMPLE SAMPLE",
            help="Put each modality's state of the second sample into the first one's evolution, at every time.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups", metavar="SAMPLE", help="Shapley values of the network's gate groups."
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option(min=1, help="With --groups: shots of every coalition, for their error.")
    ] = 1000,
    prune: Annotated[
        bool,
        typer.Option("--smallest", help="Take the terms of the generator out, one after another."),
    ] = False,
    retrain: Annotated[
        int,
        typer.Option(min=0, help="With --smallest: train every set on for at most so many epochs."),
    ] = 0,
    keep: Annotated[
        str, typer.Option(metavar="NAME", help="With --smallest: put it among your models.")
    ] = "",
    seeds: Annotated[
        int,
        typer.Option(
            "--twins",
            min=0,
            max=100,
            help="Train the model and its twins, each without one quantum resource, with so many seeds.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Say whether fusion matters, for the data alone (--data) or for a model (--model), which piece of a model does it:
    a modality's state, a group of gates, a term of the generator; and which quantum resource (--twins)."""
    check(
        prune or not (retrain or keep),
        "Arguments `--retrain` and `--keep` are about the smallest generator. Add --smallest.",
    )
    pieces = bool(patching or groups or prune or seeds)
    check(
        bool(model) or (data is not None and not pieces),
        "Nothing is asked. Give --data NAME, or --model MODEL and, of a piece of it, --patch SAMPLE SAMPLE, --groups "
        "SAMPLE, --smallest or --twins SEEDS.",
    )
    if not model:
        needs(str(data), as_json)
        return
    if not pieces:
        of_model(model, data, as_json)
        return
    study = qfusion.analysis.opening.open_study(model, data)
    parts = {
        "patch": patch(study, *patching) if patching else None,
        "groups": gate_groups(study, groups, shots) if groups else None,
        "smallest": smallest(study, retrain, model, keep) if prune else None,
        "twins": twins(study, seeds) if seeds else None,
    }
    shown = {name: part for name, part in parts.items() if part is not None}
    print_result(
        {name: result for name, (result, _) in shown.items()},
        as_json,
        *(line for _, lines in shown.values() for line in lines),
    )
