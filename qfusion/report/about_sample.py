"""The report on one sample: its decision, contributions, dynamics and what if, the methods, and how far to trust
all of it. What it says stands in `sample.html`; what all reports on a model say in `trust.html` and `methods.html`.
"""

import io
import math
import shlex
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.io import wavfile

from qfusion import __version__
from qfusion._sentences import listed
from qfusion.analysis import recording, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.trust import stability_of
from qfusion.data import clips
from qfusion.data.modality import Audio, Clip, Film, Series
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError
from qfusion.explain import cuts, faithfulness, verdicts
from qfusion.explain.building import answer
from qfusion.explain.evidence import INERT
from qfusion.explain.stability import Stability
from qfusion.figures import attribution, building, decision as evidence, notebook, numbers
from qfusion.figures.style import term_colour
from qfusion.quantum.measures import KINDS
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
from qfusion.training import metrics
from qfusion.training.checkpoint import training_split

# test samples for the curves, by whether states are kets: rows of networks cost more
MAX_SAMPLES = {True: 600, False: 60}
PACKAGES = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
HIDDEN = ("text", "transcript")  # columns of the data's table that the content shows already
MAX_CURVE = 4000  # points of a waveform that is drawn


def report(sample: Sample) -> Report:
    """Returns the report on a sample."""
    verdict = verdicts.verdict_sentence(sample.scores, sample.classes)
    return Report(
        f"Sample {sample.id}: why {sample.name} says {verdict}",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on the decision of model {sample.name} on sample {sample.id} of data set "
        f"{sample.dataset.name}.",
        filled(
            '{% include "sample.html" %}',
            **shared(sample, own=sample.row in sample.dataset.rows("test")),
            **_of_data(sample),
            **_of_recording(sample),
            **_on_the_way(sample),
            **_at_the_end(sample),
            **_circuit(sample),
            verdict=verdict,
            decision=_decision(sample),
            commands=_commands(sample),
        ),
    )


def shared(sample: Sample, own: bool) -> dict[str, Any]:
    """Returns what templates of all reports on a model are told: what was measured of trust in it, and what speaks.

    Args:
        own: whether the sample's own terms over the training seeds are shown.
    """
    explanation, rows, outputs = numbers.test_rows(sample, MAX_SAMPLES[sample.can("kets")])
    curves, data = faithfulness.modality_curves(explanation, outputs), sample.dataset
    planted = None
    if data.truth is not None and data.names == sample.modalities:
        planted = faithfulness.against_truth(explanation, data.truth.iloc[rows])
    seeds, why = _seeds(sample)
    warnings = faithfulness.of_deletion(curves, "modalities")
    warnings += [faithfulness.no_truth()] if planted is None else faithfulness.of_truth(planted)
    if seeds:
        unit = "score of the true class" if sample.classes else sample.unit
        warnings += faithfulness.of_stability(seeds, sample.study.errors[data.rows("test")], unit)
    warnings += faithfulness.of_joint(explanation, outputs)
    warnings += [] if seeds else [faithfulness.TrustWarning(why, "unknown")]
    made = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return {
        "sample": sample,
        "own": own,
        "count": len(rows),
        "curves": curves,
        "planted": planted,
        "seeds": seeds,
        "warnings": warnings,
        "made_with": f"qfusion {__version__}, {made}",
        "trained_on": training_split(sample.study.card).replace("+", " and "),
        "dims": lambda form: listed(
            [form.format(d, m) for m, d in zip(sample.modalities, sample.model.dims, strict=True)]
        ),
        "prod": math.prod,
        "labels": metrics.labels,
        "answer": answer,
        "cuts": cuts,
        "verdicts": verdicts,
        "notebook": notebook,
        "numbers": numbers,
        "SAYS": building.SAYS,
        "INERT": INERT,
    }


def _seeds(sample: Sample) -> tuple[Stability | None, str]:
    """What was measured over training seeds, or why it does not count here."""
    if sample.changed:
        return None, (
            "How other training seeds would explain this is measured for the model as trained, not as it is "
            "changed here."
        )
    try:
        return stability_of(sample.study), ""
    except (NotFound, IntegrityError) as error:
        return None, str(error).replace("`", "")


def command(sample: Sample, name: str, *words: str) -> str:
    """Returns a command about a sample's model and data against its background, with `words` of its own before that."""
    background = sample.background
    known = {"contrast": ["--contrast", background.label], "joint": [], "cohort": []}
    behind = known.get(background.kind, ["--background", background.kind])
    base = f"python -m qfusion {name} --model".split()
    return shlex.join([*base, sample.name, "--data", sample.dataset.name, *words, *behind])


def resolved(make: Callable[[], Any]) -> dict[str, Any]:
    """Returns what the dynamics built, or why it is not told: they evolve for too long to be resolved."""
    try:
        return {"built": make(), "unresolved": ""}
    except InvalidInput as error:
        return {"unresolved": str(error)}


def _decision(sample: Sample) -> str:
    if not sample.classes:
        known = "no truth is known of this sample, which a visitor made."
        if sample.target is not None:
            error = number(abs(sample.score - sample.target))
            known = f"the annotation is {signed(sample.target)}, so the error is {error}."
        return (
            f"The model predicts {signed(sample.score)} "
            f"({verdicts.verdict_sentence(sample.scores, sample.classes)}); {known}"
        )
    sure = numbers.verdict(sample)["probability"].to_numpy()
    best = int(np.argmax(sure))
    right = (
        "no truth is known of this sample, which a visitor made"
        if sample.truth is None
        else "which is what it was annotated with"
        if sample.classes[best] == sample.truth
        else f"it was annotated as ‘{sample.truth}’"
    )
    return (
        f"The model decides for ‘{sample.classes[best]}’ ({text.softmax(sure[best])}); {right}. "
        f"{sample.study.calibration}"
    )


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
            if name not in (*HIDDEN, data.target.name) and not sample.is_own
        ],
        "curve": lambda name, piece: _curve(piece, term_colour(name, sample.modalities)),
        "listed": listed,
        "truth": sample.true_dividends,
    }


def _of_recording(sample: Sample) -> dict[str, Any]:
    """What is seen and heard of the sample, and what its steps did over its seconds."""
    source = recording.source(sample.dataset, sample.row)
    names: dict[str, Any] = {
        "recorded": None,
        "problem": source.problem,
        "seconds": 0.0,
        "film": _film,
        "audio": _audio,
    }
    try:
        if source.clip is not None:
            names["recorded"] = _clip(source.clip)
        if source.is_timed:
            result = recording.strip(sample.study, sample.row, sample.output)
            names |= {
                "seconds": result.preview.seconds,
                "over_seconds": attribution.of_sample(result, sample.modalities, sample.unit),
                "placing": recording.placing(result),
                "peaks": [(lane.modality, recording.peak_words(lane)) for lane in result.lanes],
            }
    except QFusionError as error:
        names["problem"] = str(error)
    return names


def _clip(clip: Clip) -> dict[str, Any]:
    """A recording, with what is said of it."""
    preview = clips.preview(clip)
    if clip.kind == "image":
        return {"says": "The picture of the sample.", "block": picture(preview.poster, 80.0)}  # type: ignore[arg-type]
    copy = clips.portable(clip).read_bytes()
    block = played(clip.kind, f"{clip.kind}/mp4", copy, preview.poster)
    more = (
        ""
        if block["media"]
        else f" It is longer than the {MAX_MEDIA // 10**6} MB that a report holds."
    )
    return {"says": f"The recording of the sample: {preview.seconds:.1f} s.{more}", "block": block}


def _film(piece: Film) -> Block:
    frames = np.asarray(piece.frames)
    return played("video", "video/mp4", clips.of_film(piece).read_bytes(), frames[len(frames) // 2])


def _audio(piece: Audio) -> Block:
    samples = np.round(32767 * np.clip(piece.samples, -1, 1)).astype("<i2")
    buffer = io.BytesIO()
    wavfile.write(buffer, piece.rate, samples)
    return played("audio", "audio/wav", buffer.getvalue())


def _curve(piece: Audio | Series, hue: str) -> Block:
    """A waveform or a curve of one modality."""
    if isinstance(piece, Series):
        axes: tuple[np.ndarray, np.ndarray, str, str] = (
            piece.values,
            piece.x,
            piece.x_label,
            piece.y_label,
        )
    else:
        count = len(piece.samples)
        step = max(1, count // MAX_CURVE)
        times = np.arange(count)[::step] / piece.rate
        axes = (np.asarray(piece.samples)[::step], times, "time (s)", "amplitude")
    return figure(evidence.curve(*axes, hue), HALF, 34)


def _on_the_way(sample: Sample) -> dict[str, Any]:
    """When it was decided, where the model can be read out before its end, and what its dynamics built."""
    if not (sample.can("time") or sample.can("layers")):
        return {"settled": "", "on_the_way": False}
    form = "t = {:.2f}" if sample.can("time") else "“{}”"
    decisions = [
        verdicts.verdict_sentence(scores, sample.classes)
        for scores in sample.through.prediction[:, 0]
    ]
    return {
        "settled": verdicts.settled(decisions, [form.format(place) for place in sample.places]),
        "on_the_way": True,
        "last": {name: values[-1] for name, values in sample.along.items() if name},
        **(resolved(lambda: numbers.building_of(sample)) if sample.can("time") else {}),
    }


def _at_the_end(sample: Sample) -> dict[str, Any]:
    """Entropies and entanglement at T; of a network what its fusion read."""
    if sample.can("time"):
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
            "apart": float(np.abs(tracked.rho[-1] - numbers.state(sample)).max()),
        }
    if not sample.can("rules"):
        return {}
    reading = numbers.reading(sample)
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
    if not sample.can("circuit"):
        return {}
    if sample.can("time") and any(d & (d - 1) for d in sample.model.dims):
        return {"undrawn": listed([str(d) for d in sample.model.dims])}
    replay, step = numbers.circuit(sample)
    return {"undrawn": "", "replay": replay, "step": step}


def _commands(sample: Sample) -> str:
    """How to get the same report, and the same numbers."""
    outputs = sample.explanation.outputs
    if sample.is_own:
        return (
            f"qfusion.analysis.open_sample({sample.name!r}, {sample.id!r}, {sample.dataset.name!r}, "
            "session='SESSION.json')"
        )
    own = ["--sample", sample.id]
    own += ["--output", outputs[sample.output]] if len(outputs) > 1 else []
    made = command(sample, "report", *own)
    if sample.changed:
        return f"{made} {shlex.join(['--tweak', sample.changed])} --out report.html"
    return f"{made} --out report.html\n{command(sample, 'explain', *own)} --json"
