"""The reports on one sample and on a cohort: what is said of a decision (contributions, dynamics and what if, the
methods, how far to trust all of it), and of what a cohort's members have in common, beside all samples of their split.

The words stand in `sample.html` and `cohort.html`; those of all reports on a model in `trust.html` and `methods.html`.
"""

import io
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.io import wavfile

from qfusion import __version__
from qfusion._checks import check
from qfusion._extras import installed_versions
from qfusion._sentences import listed
from qfusion.analysis import (
    audit,
    cohort_groups,
    cohort_measures,
    cohort_table,
    cut_measures,
    drawn_samples,
    fusion_tests,
    outputs,
    recording_strip,
    text,
    trust,
)
from qfusion.analysis.cohort_levels import Levels, filter_split
from qfusion.analysis.sample import Sample, build_sample
from qfusion.analysis.shown_terms import select_shown_terms
from qfusion.analysis.study import Study
from qfusion.data import clip_copies, clip_previews
from qfusion.data.sample_content import Audio, Clip, Film, Series
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError
from qfusion.explain import (
    RELATIONS,
    backgrounds,
    cohort_filters,
    faithfulness,
    reliability,
    stability,
    verdicts,
)
from qfusion.explain.path_attribution import aumann_shapley, aumann_shapley_over_classes
from qfusion.explain.state_cuts import cut_correlations
from qfusion.figures import (
    cohort_charts,
    decision_charts,
    evidence_fusion,
    generator_attribution,
    notebook,
    numbers,
    sample_timeline,
    style,
)
from qfusion.models.abilities import can
from qfusion.quantum.measure_kinds import KINDS
from qfusion.report.blocks import (
    HALF,
    MAX_MEDIA,
    Block,
    Report,
    figure,
    filled,
    number,
    picture,
    recording as played,
    signed,
)
from qfusion.training import checkpoint, metrics
from qfusion.wording.audits import name_audited_model, summarise_audit
from qfusion.wording.backgrounds import describe_background
from qfusion.wording.building import describe_building
from qfusion.wording.cohorts import (
    describe_correlation,
    describe_level_intervals,
    name_all,
    name_all_with_size,
    name_cohort_with_size,
    name_split,
)
from qfusion.wording.cuts import describe_cut, describe_cuts
from qfusion.wording.evidence import INERT
from qfusion.wording.fusion import describe_importance
from qfusion.wording.model_notes import describe_notes
from qfusion.wording.recordings import describe_peak, describe_spread
from qfusion.wording.reliability import TrustWarning, describe_finding
from qfusion.wording.samples import describe_calibration, describe_softmax
from qfusion.wording.verdicts import (
    RELATION_DEFINITIONS,
    describe_conflict,
    describe_decision,
    describe_largest,
    describe_last_change,
    name_decision,
)

# The report on one sample.


def of_sample(sample: Sample) -> Report:
    """Returns the report on a sample."""
    verdict = name_decision(sample.scores, sample.classes)
    return Report(
        f"Sample {sample.id}: why {sample.name} says {verdict}",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on the decision of model {sample.name} on sample {sample.id} of data set "
        f"{sample.dataset.name}.",
        filled(
            '{% include "sample.html" %}',
            **shared(sample, own=sample.row in sample.dataset.rows("test")),
            **_of_terms(sample),
            **_of_data(sample),
            **_of_recording(sample),
            **_on_the_way(sample),
            **_at_the_end(sample),
            **_circuit(sample),
            verdict=verdict,
            decision=decided(sample),
            commanded=commanded(sample),
            commands=_commands(sample),
        ),
    )


def shared(sample: Sample, own: bool) -> dict[str, Any]:
    """Returns what templates of all reports on a model are told: what was measured of trust in it, and what speaks.

    Args:
        own: whether the sample's own terms over the training seeds are shown.
    """
    # for the curves; rows of networks cost more
    explanation, rows, outputs = numbers.test_rows(sample, 600 if can(sample.model, "kets") else 60)
    curves = faithfulness.modality_curves(explanation, outputs, quantity=sample.quantity)
    data = sample.dataset
    planted = (
        faithfulness.against_truth(explanation, data.truth.iloc[rows])
        if data.truth is not None and data.names == sample.modalities
        else None
    )
    seeds, why = _seeds(sample)
    over_seeds = (
        reliability.check_stability(
            seeds,
            sample.study.errors[data.rows("test")],
            trust.unit_over_seeds(sample.study),
        )
        if seeds
        else []
    )
    if planted is not None:
        on_truth = reliability.check_truth(planted)
    elif data.truth is not None:
        on_truth = reliability.Finding(reliability.Concern.OTHER_TRUTH)
    else:
        on_truth = reliability.Finding(reliability.Concern.NO_TRUTH)
    findings = [
        *reliability.check_deletion(curves, "modalities"),
        on_truth,
        *over_seeds,
        *reliability.check_joint(explanation, outputs),
    ]
    warnings = [describe_finding(finding) for finding in findings]
    if not seeds:
        warnings.append(TrustWarning(why, "unknown"))
    return {
        "sample": sample,
        "own": own,
        "count": len(rows),
        "curves": curves,
        "planted": planted,
        "seeds": seeds,
        "warnings": warnings,
        "questions": _questions(sample.study),
        "made_with": _software(),
        "trained_on": checkpoint.training_split(sample.study.card).replace("+", " and "),
        "dims": lambda form: listed(
            [form.format(d, m) for m, d in zip(sample.modalities, sample.model.dims, strict=True)]
        ),
        "prod": math.prod,
        "labels": metrics.labels,
        "notes": describe_notes,
        "describe_building": describe_building,
        "describe_cut": describe_cut,
        "describe_cuts": describe_cuts,
        "cut_correlations": cut_correlations,
        "describe_background": describe_background,
        "describe_level_intervals": describe_level_intervals,
        "name_split": name_split,
        "describe_decision": describe_decision,
        "describe_largest": describe_largest,
        "describe_conflict": describe_conflict,
        "notebook": notebook,
        "numbers": numbers,
        "SAYS": generator_attribution.SAYS,
        "INERT": INERT,
    }


def _software() -> str:
    """Versions of qfusion and of the libraries whose numbers or drawings a report may hold."""
    packages = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
    versions = {"qfusion": __version__, **installed_versions(packages)}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _questions(study: Study) -> dict[str, str]:
    """What is known of the model as a whole: what matters to its loss, which quantum resource its kind needs here."""
    game = fusion_tests.loss_game(study)
    answers = {"Overall": f"{describe_importance(game)} (over {game.total.n:,} test samples)"}
    with suppress(NotFound):  # it is not audited
        entry = audit.measure_audit(study)
        words = summarise_audit(entry["rows"], [row["resource"] for row in entry["rows"]])
        answers["Quantum resources"] = (
            f"{words} ({entry['seeds']} seeds of {name_audited_model(entry, 'this model')} and of twins that lack one, "
            "trained alike)"
        )
    return answers


def _seeds(sample: Sample) -> tuple[stability.Stability | None, str]:
    """What was measured over training seeds, or why it does not count here."""
    if sample.tweak_text:
        return None, (
            "How other training seeds would explain this is measured for the model as trained, not as it is "
            "changed here."
        )
    try:
        return trust.load_stability(sample.study), ""
    except (NotFound, IntegrityError) as error:
        return None, str(error).replace("`", "")


def command(sample: Sample, name: str, *words: str) -> str:
    """Returns a command about a sample's model and data against its background, which is no saved cohort, with `words`
    of its own before that."""
    background = sample.background
    behind = {"contrast": ["--contrast", background.label], backgrounds.DEFAULT: []}.get(
        background.kind, ["--background", background.kind]
    )
    return f"python -m qfusion {name} " + shlex.join(
        ["--model", sample.name, "--data", sample.dataset.name, *words, *behind]
    )


def commanded(sample: Sample) -> bool:
    """Whether commands can open a sample: none knows a visitor's own, or a saved cohort to compare with."""
    return not sample.is_own and sample.background.kind != "cohort"


def choosing(sample: Sample) -> list[str]:
    """Returns the words of a command for a sample's explained output, where there are several, and its tweak."""
    return [
        *(("--output", explained_output(sample)) if sample.classes else ()),
        *(("--tweak", sample.tweak_text) if sample.tweak_text else ()),
    ]


def explained_output(sample: Sample) -> str:
    """Returns the text by which `outputs.parse` finds what is explained."""
    if not sample.classes:
        return str(sample.explanation.outputs[sample.output])
    return str(outputs.Output(sample.output, sample.study.reference, sample.classes))


def resolved(make: Callable[[], Any]) -> dict[str, Any]:
    """Returns what the dynamics built, or why it is not told: they evolve for too long to be resolved."""
    try:
        return {"built": make(), "unresolved": ""}
    except InvalidInput as error:
        return {"unresolved": str(error)}


def decided(sample: Sample) -> str:
    """Returns the decision with its number, and the annotation beside it."""
    if not sample.classes:
        known = "no truth is known of this sample, which a visitor made."
        if sample.target is not None:
            known = (
                f"the annotation is {signed(sample.target)}, so the error is "
                f"{number(abs(sample.score - sample.target))}."
            )
        return (
            f"The model predicts {signed(sample.score)} "
            f"({name_decision(sample.scores, sample.classes)}); {known}"
        )
    sure = numbers.verdict(sample)["probability"].to_numpy()
    best = int(np.argmax(sure))
    right = (
        "; no truth is known of this sample, which a visitor made"
        if sample.truth is None
        else ", as annotated"
        if sample.classes[best] == sample.truth
        else f"; the annotation is ‘{sample.truth}’"
    )
    return (
        f"The model decides for ‘{sample.classes[best]}’ ({describe_softmax(sure[best])}){right}. "
        f"{describe_calibration(sample.study)}"
    )


def _of_terms(sample: Sample) -> dict[str, Any]:
    """The terms of the decision that are listed one by one, and how many others there are with their sum."""
    own, truth = sample.dividends, sample.true_dividends
    shown, rest = select_shown_terms([own])
    values = dict(zip(own, sample.explanation.values[0, :, sample.output], strict=True))
    listed_terms = [term for term in own if term in {"", *shown}]
    return {
        "terms": [
            (term, values[term], own[term], None if truth is None else truth[term])
            for term in listed_terms
        ],
        "others": decision_charts.rest_title(len(rest)) if rest else "",
        "others_sum": sum(own[term] for term in rest),
        "others_true": None if truth is None else sum(truth[term] for term in rest),
    }


def _of_data(sample: Sample) -> dict[str, Any]:
    """What the data set has and says of the sample, and its planted contributions."""
    data = sample.dataset
    return {
        "content": data.content(sample.row),
        "columns": [
            (
                text.column(str(name)),
                number(value) if isinstance(value, float) else str(value)[:300],
            )
            for name, value in data.table.iloc[sample.row].items()
            # the content shows its words already
            if name not in ("text", "transcript", data.target.name) and not sample.is_own
        ],
        "curve": lambda name, piece: _curve(piece, style.term_colour(name, sample.modalities)),
        "listed": listed,
        "truth": sample.true_dividends,
    }


def _of_recording(sample: Sample) -> dict[str, Any]:
    """What is seen and heard of the sample, and what its steps did over its seconds."""
    source = recording_strip.source(sample.dataset, sample.row)
    names: dict[str, Any] = {
        "recorded": None,
        "problem": source.problem,
        "seconds": 0.0,
        "film": film,
        "audio": audio,
    }
    try:
        if source.clip is not None:
            names["recorded"] = _clip(source.clip)
        if source.is_timed:
            result = recording_strip.strip(sample.study, sample.row, sample.output)
            names |= {
                "seconds": result.preview.seconds,
                "over_seconds": sample_timeline.draw_timeline(
                    result, sample.modalities, sample.unit
                ),
                "placing": describe_spread(result),
                "peaks": [(lane.modality, describe_peak(lane)) for lane in result.lanes],
            }
    except QFusionError as error:
        names["problem"] = str(error)
    return names


def _clip(clip: Clip) -> dict[str, Any]:
    """A recording, with what is said of it."""
    preview = clip_previews.preview(clip)
    if clip.kind == "image":
        return {"says": "The picture of the sample.", "block": picture(preview.poster, 80.0)}  # type: ignore[arg-type]
    block = played(
        clip.kind, f"{clip.kind}/mp4", clip_copies.make_copy(clip).read_bytes(), preview.poster
    )
    more = (
        ""
        if block["media"]
        else f" It is longer than the {MAX_MEDIA // 10**6} MB that a report holds."
    )
    return {"says": f"The recording of the sample: {preview.seconds:.1f} s.{more}", "block": block}


def film(piece: Film) -> Block:
    """Returns moving pictures that a set holds itself, as a page plays them."""
    frames = np.asarray(piece.frames)
    return played(
        "video", "video/mp4", clip_copies.copy_film(piece).read_bytes(), frames[len(frames) // 2]
    )


def audio(piece: Audio) -> Block:
    """Returns a sound that a set holds itself, as a page plays it."""
    samples = np.round(32767 * np.clip(piece.samples, -1, 1)).astype("<i2")
    buffer = io.BytesIO()
    wavfile.write(buffer, piece.rate, samples)
    return played("audio", "audio/wav", buffer.getvalue())


def _curve(piece: Audio | Series, hue: str) -> Block:
    """A waveform or a curve of one modality."""
    if isinstance(piece, Series):
        drawn = evidence_fusion.curve(piece.values, piece.x, piece.x_label, piece.y_label, hue)
    else:
        step = max(1, len(piece.samples) // 4000)  # points of a waveform
        values = np.asarray(piece.samples)[::step]
        drawn = evidence_fusion.curve(
            values, np.arange(len(values)) * step / piece.rate, "time (s)", "amplitude", hue
        )
    return figure(drawn, HALF, 34)


def _on_the_way(sample: Sample) -> dict[str, Any]:
    """When it was decided, where the model can be read out before its end, and what its dynamics built."""
    if not (can(sample.model, "time") or can(sample.model, "layers")):
        return {"settled": "", "on_the_way": False}
    form = "t = {:.2f}" if can(sample.model, "time") else "“{}”"
    decisions = [
        name_decision(scores, sample.classes) for scores in sample.path_explanation.prediction[:, 0]
    ]
    return {
        "settled": describe_last_change(decisions, [form.format(place) for place in sample.places]),
        "on_the_way": True,
        "last": {name: values[-1] for name, values in sample.path_dividends.items() if name},
        **(resolved(lambda: numbers.path_attribution(sample)) if can(sample.model, "time") else {}),
    }


def _at_the_end(sample: Sample) -> dict[str, Any]:
    """Entropies and entanglement at T; of a network what its fusion read."""
    if can(sample.model, "time"):
        tracked = numbers.track(sample)
        measures = {
            (measure.kind, measure.part): number(float(measure.values[-1]))
            for measure in tracked.measures
        }
        return {
            "measures": measures,
            "kinds": [
                kind for kind in KINDS if any(k == kind and len(part) == 1 for k, part in measures)
            ],
            "KINDS": KINDS,
            "singles": [*((name,) for name in sample.modalities), ()],
            "apart": float(np.abs(tracked.rho[-1] - numbers.state_at(sample)).max()),
        }
    if not can(sample.model, "rules"):
        return {}
    reading = numbers.fusion_reading(sample)
    return {
        "reading": reading,
        "fused": dict(zip(reading.elements, reading.fused, strict=True)),
        "entropy": dict(zip(reading.elements, reading.entropy, strict=True)),
        "contradiction": contradiction,
    }


def contradiction(K: float) -> str:
    """How far the modalities' masses contradict each other; Dempster's K, NaN where a modality supports no class."""
    if not np.isfinite(K):
        return "A modality supports no class at all, so that Dempster's K is not defined"
    if round(K, 3) <= 0:
        return f"The masses hardly contradict each other: Dempster's K is {'0.000' if K <= 0 else 'less than 0.001'}"
    return f"The masses contradict each other with Dempster's K = {K:.3f}"


def _circuit(sample: Sample) -> dict[str, Any]:
    """The circuit, with the sample in it, or the dimensions for which none is drawn."""
    if not can(sample.model, "circuit"):
        return {}
    if can(sample.model, "time") and any(d & (d - 1) for d in sample.model.dims):
        return {"undrawn": listed([str(d) for d in sample.model.dims])}
    replay, step = numbers.circuit(sample)
    return {"undrawn": "", "replay": replay, "step": step}


def _commands(sample: Sample) -> str:
    """How to get the same report, and the same numbers."""
    behind, words = sample.background, ("--sample", sample.id, *choosing(sample))
    if not commanded(sample):
        chosen = {
            "output": explained_output(sample),
            "background": behind.kind
            if behind.kind not in (backgrounds.DEFAULT, "contrast")
            else "",
            "contrast": behind.label if behind.kind == "contrast" else "",
            "members": f"{behind.label}:FILTER" if behind.kind == "cohort" else "",
            "tweak": sample.tweak_text,
            "session": "SESSION.json" if sample.is_own else "",
        }
        given = "".join(f", {name}={value!r}" for name, value in chosen.items() if value)
        return f"qfusion.analysis.open_sample({sample.name!r}, {sample.id!r}, {sample.dataset.name!r}{given})"
    made = f"{command(sample, 'report', *words)} --out report.html"
    return made if sample.tweak_text else f"{made}\n{command(sample, 'explain', *words)} --json"


# The report on a cohort.

MAX_MEMBERS, MAX_TERMS, MAX_COLUMNS = 60, 12, 8


@dataclass(frozen=True, eq=False)
class Members(Levels):
    """A cohort and everything that is said of it; no sample is open: `sample` is any of its members.

    Attributes:
        title: its name, or else its filter; empty without both.
    """

    title: str

    @property
    def filter(self) -> str:
        """By what it was chosen, as words; empty for everyone."""
        return cohort_filters.written(self.parts)

    @property
    def explained(self) -> str:
        """What is explained, as words."""
        return (
            "log-odds of the class decided for (nats)"
            if self.study.classes and self.output_wanted is None
            else self.sample.unit
        )

    @property
    def members(self) -> pd.DataFrame:
        """The rows of the cohort."""
        return self.rows[self.inside]

    @property
    def called(self) -> dict[str, Any]:
        """What figures call all rows and the cohort, with their sizes."""
        return {
            "whole_name": name_all_with_size(self),
            "cohort_name": name_cohort_with_size(self),
        }

    @cached_property
    def finding(self) -> str:
        """What the correlation of entanglement and joint deciding says in a sentence; empty of what entangles
        nothing."""
        if cohort_measures.ENTROPY not in cohort_measures.measure_titles(self.study):
            return ""
        correlation = stability.correlation(
            cohort_measures.entropies(self.study, self.rows, cohort_measures.ENTROPY),
            self.rows[cohort_table.JOINT].to_numpy(),
            clusters=self.clusters(),
        )
        return describe_correlation(correlation, cohort_measures.ENTROPY, cohort_table.JOINT)

    def dividends(self) -> dict[str, np.ndarray]:
        """Dividends (n,) by coalition: all, or the largest on average where there are very many."""
        columns = {
            term: self.rows[f"dividend[{term}]"].to_numpy(dtype=float)
            for term in self.sample.dividends
            if term
        }
        stored = sorted(columns, key=lambda term: -float(np.abs(columns[term]).mean()))[:MAX_TERMS]
        return {term: values for term, values in columns.items() if term in stored}


def of_cohort(cohort: Members) -> Report:
    """Returns the report on a cohort."""
    sample, clusters = cohort.sample, cohort.sample.dataset.clusters
    resampled = "the samples shown"
    if clusters is not None:
        count = clusters.describe_count(sample.dataset.rows_of(cohort.rows.index))
        resampled = f"the {count} behind the samples, which are not independent"
    return Report(
        f"Cohort ‘{cohort.title or name_all(cohort)}’: what {sample.name} decides by",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on {len(cohort.members):,} samples of data set {sample.dataset.name} and how model "
        f"{sample.name} decides on them.",
        filled(
            '{% include "cohort.html" %}',
            **shared(sample, own=False),
            **_shares(cohort),
            **_types(cohort),
            **_terms(cohort),
            **_built(cohort),
            **_entanglement(cohort),
            cohort=cohort,
            cut=_cuts(cohort),
            resampled=resampled,
            commanded=commanded(sample),
            command=command(
                sample,
                "report",
                *("--cohort", cohort.filter),
                *(() if cohort.output_wanted is None else choosing(sample)),
            ),
            drawing=cohort_charts,
            stability=stability,
            RELATIONS=RELATION_DEFINITIONS,
            MAX_MEMBERS=MAX_MEMBERS,
        ),
    )


def _means(
    result: Members, columns: Mapping[str, np.ndarray], keep: np.ndarray
) -> dict[str, stability.Interval]:
    """Means with intervals of the rows to keep."""
    return stability.means(
        {name: values[keep] for name, values in columns.items()}, clusters=result.clusters(keep)
    )


def _shares(result: Members) -> dict[str, Any]:
    """Who decides, and whether it is harder than elsewhere."""
    rows = result.rows
    shares = {name: rows[f"share[{name}]"].to_numpy(float) for name in result.sample.modalities}
    columns = {key: rows[key].to_numpy(dtype=float) for key in ("error", "joint_share")}
    levels = (np.ones(len(rows), dtype=bool), result.inside)
    whole, part = (_means(result, shares, keep) for keep in levels)
    of_all, of_cohort, others = (
        _means(result, columns, keep) for keep in (*levels, ~result.inside)
    )
    return {
        "whole": whole,
        "part": part,
        "of_all": of_all,
        "of_cohort": of_cohort,
        "leading": _leading(whole, part, name_all(result)),
        "relations": result.members["relation"].value_counts(),
        "harder": harder(of_cohort["error"], others["error"]),
        "between": _between,
    }


def harder(inside: stability.Interval, outside: stability.Interval) -> str:
    """Whether the mean error is larger in a cohort than among the others: where their intervals do not overlap."""
    if not outside.n:
        return f"The mean error is {number(inside.value)}"
    words = (
        f"The mean error is {number(inside.value)}{_between(inside, number)} against "
        f"{number(outside.value)}{_between(outside, number)} of the others"
    )
    if not (inside.known and outside.known):
        return f"{words}: too few samples to tell whether that is chance"
    if inside.low > outside.high:
        return f"{words}: larger beyond chance"
    if inside.high < outside.low:
        return f"{words}: smaller beyond chance"
    return f"{words}: not told apart, the intervals overlap"


def _between(interval: stability.Interval, write: Callable[[float], str] = "{:.0%}".format) -> str:
    return f" ({write(interval.low)} to {write(interval.high)})" if interval.known else ""


def _leading(
    whole: Mapping[str, stability.Interval], part: Mapping[str, stability.Interval], every: str
) -> str:
    """Which modality leads on average, `LEAD` ahead of every other, or that none does."""
    leader = verdicts.leader_of({name: entry.value for name, entry in part.items()})
    if not leader:
        return (
            "None leads on average: "
            + ", ".join(
                f"{name} {entry.value:.0%}{_between(entry)}" for name, entry in part.items()
            )
            + " of the Shapley shares."
        )
    return (
        f"{leader} leads with {part[leader].value:.0%} of the Shapley shares on average{_between(part[leader])}; "
        f"in {every} it has {whole[leader].value:.0%}."
    )


def _types(result: Members) -> dict[str, Any]:
    """How the modalities relate: how many samples of each kind, and how well they are predicted."""
    errors = {"error": result.rows["error"].to_numpy(dtype=float)}
    kinds = [(result.rows["relation"] == kind).to_numpy() for kind in RELATIONS]
    whole, part = ([kind & level for kind in kinds] for level in (True, result.inside))
    return {
        "counts": [[int(keep.sum()) for keep in level] for level in (whole, part)],
        "errors": [
            (_means(result, errors, a)["error"], _means(result, errors, b)["error"])
            for a, b in zip(whole, part, strict=True)
        ],
    }


def _terms(result: Members) -> dict[str, Any]:
    """The distribution of every term, and its means by group: groups are not told apart where there are many terms."""
    terms = result.dividends()
    inside = {term: values[result.inside] for term, values in terms.items()}
    by, many = _grouping(result.study, result.rows), len(terms) > MAX_COLUMNS
    group, names = cohort_groups.groups(result.study, result.rows, by)
    masks = {name: result.inside & (group == name) for name in (() if many else names)} | {
        "the cohort": result.inside,
        name_all(result): np.ones(len(result.rows), dtype=bool),
    }
    return {
        "terms": terms,
        "inside": inside,
        "means": {term: values.mean() for term, values in inside.items()},
        "left_out": len(result.sample.dividends) - 1 - len(terms),
        "by": by,
        "many": many,
        "groups": {name: mask for name, mask in masks.items() if mask.any()},
    }


def _built(result: Members) -> dict[str, Any]:
    """Which coupling and dissipation built which contribution, on average over the cohort."""
    sample = result.sample
    if not can(sample.model, "time"):
        return {}
    features = sample.dataset.inputs(result.places(result.members), dtype=torch.float64)
    build = (
        aumann_shapley_over_classes
        if result.output_wanted is None
        else partial(aumann_shapley, output=sample.output)
    )
    return {
        "building": generator_attribution,
        **resolved(lambda: build(sample.model, features, sample.background)),
    }


def _entanglement(result: Members) -> dict[str, Any]:
    """Entanglement against joint deciding, sample by sample."""
    if not result.finding:
        return {}
    measure, strength = cohort_measures.ENTROPY, cohort_table.JOINT
    x = cohort_measures.entropies(result.study, result.rows, measure)
    y = result.rows[strength].to_numpy()
    known = np.isfinite(x) & np.isfinite(y)
    return {
        "related": int(known.sum()),
        "relation": cohort_charts.scatter(
            result.rows.index[known].tolist(),
            x[known],
            y[known],
            cohort_measures.measure_titles(result.study)[measure],
            cohort_measures.strength_titles(result.study)[strength],
            cohort=result.inside[known],
            **result.called,
        ),
    }


def _cuts(result: Members) -> Any:
    """How good the model would be on the cohort without the correlations of a modality; None where none is cut."""
    sample, rows = (
        result.sample,
        drawn_samples.thin_rows(result.places(result.members), 200),
    )  # seconds
    if not can(sample.model, "time") or len(sample.modalities) < 2 or len(rows) < 2:
        return None
    return cut_measures.cut_curves(sample.model, sample.dataset, rows)


# What a report is made of, from a study and the reader's choices. Free of streamlit.


def members(
    study: Study,
    table: Any,
    parts: Sequence[cohort_filters.Part],
    name: str = "",
    output: int | None = None,
) -> Members:
    """A cohort as the Cohorts page shows it.

    Args:
        table: of `cohort_table.cohort_table_with_maps`, of the same output. parts: of the filter.
        name: of the cohort, if it has one. output: number of the explained class; of each sample its predicted
            class's unless told.

    Raises:
        InvalidInput: when no explained sample passes the filter.
    """
    rows, inside, split, is_partial = filter_split(table, parts)
    check(
        bool(inside.any()),
        f"No explained sample passes the filter `{cohort_filters.written(parts)[:120]}`. Loosen it.",
    )
    return Members(
        build_sample(study, study.dataset.row(str(rows.index[inside][0])), output),
        output,
        rows,
        inside,
        tuple(parts),
        split,
        is_partial,
        name="",
        own=None,
        title=name or cohort_filters.written(parts),
    )


def _grouping(study: Study, rows: Any) -> str:
    """By what contributions are told apart: the class, else a planted type, else the sign of the truth."""
    offered = cohort_groups.groupings(study, rows)
    planted = text.column("regime")
    return next(
        by
        for by in ("truth" if study.classes else planted, planted, "sign of truth", "relation")
        if by in offered
    )
