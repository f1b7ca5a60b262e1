"""The report on one sample: contributions, dynamics, methods, and how far to trust them.

It shows the commands and the lines of Python by which a reader reproduces it."""

import math
import shlex
from typing import Any

import numpy as np
import torch

from qfusion import __version__
from qfusion._extras import installed_versions
from qfusion._sentences import listed
from qfusion.data.sample_content import Audio, Series
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import backgrounds, stability
from qfusion.figures import decision_charts, style
from qfusion.figures.circuits import fusion
from qfusion.models.protocols import Circuit, Evolution, GateCircuit, LayeredNetwork
from qfusion.quantum import states
from qfusion.quantum.measure_kinds import KINDS
from qfusion.report.blocks import (
    HALF,
    Block,
    figure,
    fill_template,
    format_number,
    format_signed,
    recording_context,
)
from qfusion.report.document import Report
from qfusion.study import text, trust
from qfusion.study.sample import Output, Sample, select_shown_terms
from qfusion.training import checkpoint_cards, metrics
from qfusion.views import circuit
from qfusion.views.words.decisions import (
    describe_background,
    describe_conflict,
    describe_last_change,
    describe_standard_error,
)
from qfusion.views.words.names import INERT, with_id
from qfusion.views.words.reliability import TrustWarning, describe_finding
from qfusion.views.words.rules import describe_calibration, describe_softmax
from qfusion.views.words.systems import describe_notes
from qfusion.views.words.verdicts import describe_decision, name_decision

MAX_POINTS = 4000  # of a waveform


def report_on_sample(sample: Sample) -> Report:
    """Return the report on a sample."""
    verdict = name_decision(sample.scores, sample.classes)
    dataset = sample.dataset
    model_title = sample.study.card.get("title", sample.name)
    contexts = {
        **model_context(sample),
        **_terms_context(sample),
        **_data_context(sample),
        **recording_context(sample),
        **_course_context(sample),
        **_final_context(sample),
        **_circuit_context(sample),
    }
    content = fill_template(
        '{% include "sample.html" %}',
        **contexts,
        verdict=verdict,
        decision=describe_prediction(sample),
        commanded=has_command(sample),
        commands="" if sample.is_own else reproduction_lines(sample),
    )
    return Report(
        f"Sample {sample.id}: why {sample.name} says {verdict}",
        f"{model_title}; data: {with_id(dataset.title, dataset.name)}",
        f"Report on the decision of model {sample.name} on sample {sample.id} of data set {dataset.name}.",
        content,
    )


def describe_prediction(sample: Sample) -> str:
    """Return the decision with its number, and the annotation beside it."""
    if not sample.classes:
        known = f"no truth is known of this sample{_maker(sample)}."
        if sample.target is not None:
            known = (
                f"the annotation is {format_signed(sample.target)}, so the error is "
                f"{format_number(abs(sample.score - sample.target))}."
            )
        return (
            f"{_name_decider(sample)} predicts {format_signed(sample.score)} "
            f"({name_decision(sample.scores, sample.classes)}); {known}"
        )
    sure = sample.probabilities
    best = int(np.argmax(sure))
    decided = sample.classes[best]
    if sample.truth is None:
        truth = f"; no truth is known of this sample{_maker(sample)}"
    elif sample.truth == decided:
        truth = ", as annotated"
    else:
        truth = f"; the annotation is ‘{sample.truth}’"
    return (
        f"{_name_decider(sample)} decides for ‘{decided}’ ({describe_softmax(sure[best])}){truth}. "
        f"{describe_calibration(sample.study)}"
    )


def _maker(sample: Sample) -> str:
    return ", which a visitor made" if sample.is_own else ""


def _name_decider(sample: Sample) -> str:
    return "The model" if sample.study.reads_features else "The game"


def _terms_context(sample: Sample) -> dict[str, Any]:
    """Return the terms of the decision that are listed one by one, and the number and sum of the others."""
    own = sample.dividends
    truth = sample.true_dividends
    shown, rest = select_shown_terms([own])
    values = dict(zip(own, sample.explanation.values[0, :, sample.output], strict=True))
    terms = []
    for term in own:
        if term == "" or term in shown:
            true_value = None if truth is None else truth[term]
            terms.append((term, values[term], own[term], true_value))
    return {
        "terms": terms,
        "others": decision_charts.rest_title(len(rest)) if rest else "",
        "others_sum": sum(own[term] for term in rest),
        "others_true": None if truth is None else sum(truth[term] for term in rest),
    }


def _data_context(sample: Sample) -> dict[str, Any]:
    """Return the data set's content and information on the sample, and its planted contributions."""
    data = sample.dataset

    def curve(name: str, piece: Audio | Series) -> Block:
        return _curve_block(piece, style.term_colour(name, sample.modalities))

    return {
        "content": data.content(sample.row),
        "columns": [] if sample.is_own else _table_columns(sample),
        "curve": curve,
        "listed": listed,
        "truth": sample.true_dividends,
    }


def _table_columns(sample: Sample) -> list[tuple[str, str]]:
    """Return the columns of the data set's table with the sample's values, without those that the content shows."""
    data = sample.dataset
    columns = []
    for name, value in data.table.iloc[sample.row].items():
        if name not in ("text", "transcript", data.target.name):
            words = format_number(value) if isinstance(value, float) else str(value)[:300]
            columns.append((text.column(str(name)), words))
    return columns


def _curve_block(piece: Audio | Series, hue: str) -> Block:
    """Return the waveform or the curve of a modality."""
    if isinstance(piece, Series):
        drawn = fusion.curve(piece.values, piece.x, piece.x_label, piece.y_label, hue)
    else:
        step = max(1, len(piece.samples) // MAX_POINTS)
        values = np.asarray(piece.samples)[::step]
        times = np.arange(len(values)) * step / piece.rate
        drawn = fusion.curve(values, times, "time (s)", "amplitude", hue)
    return figure(drawn, HALF, 34)


def _course_context(sample: Sample) -> dict[str, Any]:
    """Return when the decision was made, where the model can be read out before its end, and the correlations that
    its dynamics built.
    """
    if not (sample.model.part(Evolution) or sample.model.part(LayeredNetwork)):
        return {"settled": "", "course": None}
    form = "t = {:.2f}" if sample.model.part(Evolution) else "“{}”"
    places = [form.format(place) for place in sample.places]
    decisions = [
        name_decision(scores, sample.classes) for scores in sample.path_explanation.prediction[:, 0]
    ]
    context = {
        "settled": describe_last_change(decisions, places),
        "course": sample.show(
            "decision-over-time" if sample.model.part(Evolution) else "decision-layers"
        ),
    }
    if sample.model.part(Evolution):
        try:
            context |= {"built": sample.show("built"), "unresolved": ""}
        except InvalidInput as error:  # a too long evolution
            context["unresolved"] = str(error)
    return context


def _final_context(sample: Sample) -> dict[str, Any]:
    """Return entropies and entanglement at T, where the model has a time."""
    if not sample.model.part(Evolution):
        return {}
    tracked = sample.track(negativity=True)
    measures = {}
    single_kinds = set()
    for measure in tracked.measures:
        measures[measure.kind, measure.part] = format_number(float(measure.values[-1]))
        if len(measure.part) == 1:
            single_kinds.add(measure.kind)
    return {
        "measures": measures,
        "kinds": [kind for kind in KINDS if kind in single_kinds],
        "KINDS": KINDS,
        "singles": [*((name,) for name in sample.modalities), ()],
        "apart": float(np.abs(tracked.rho[-1] - _final_state(sample)).max()),
    }


@torch.no_grad()
def _final_state(sample: Sample) -> np.ndarray:
    """Return rho(T) of a model with time as it computes it itself, (D, D)."""
    psi = sample.model.product_state(sample.model.encode(sample.inputs))[0]
    times = [float(sample.model.duration)]
    return np.asarray(sample.model.evolve_states(states.density(psi), times)[0].numpy())


def _circuit_context(sample: Sample) -> dict[str, Any]:
    """Return the circuit of the sample, where its model has one."""
    if not sample.model.part(Circuit):
        return {}
    step: dict[str, Any] = {}
    if sample.model.part(Evolution):
        step = {"steps": 8, "gates": "all of H in one"}
        note = circuit.describe_step_error(circuit.step_circuit(sample, **step).error)
    elif sample.model.part(GateCircuit):
        note = circuit.replay(sample).says
    else:
        note = (
            "Modality qubits are left out after the fusion; a measured qubit controls a rotation of its "
            "neighbour."
        )
    return {"circuit": sample.show("circuit", **step), "circuit_note": note}


def model_context(sample: Sample) -> dict[str, Any]:
    """Return the template variables of all reports on a model."""
    # the same study as on the Faithfulness page, so that both have the same numbers
    study = sample.study.with_reference(None).with_default_background()
    seeds, why = _read_stability(sample)
    warnings = [describe_finding(finding) for finding in trust.reliability_findings(study)]
    if not seeds and study.reads_features:
        warnings.append(TrustWarning(why, "unknown"))

    def list_dimensions(form: str) -> str:
        dims = zip(sample.modalities, sample.model.dims, strict=True)
        return listed([form.format(d, name) for name, d in dims])

    return {
        "sample": sample,
        "own": sample.row in sample.dataset.rows("test"),  # whose terms over seeds are known
        "count": len(trust.explained_test_rows(study)),
        "deletion": study.show("deletion-modalities"),
        "planted": trust.compare_with_truth(study),
        "seeds": seeds,
        "warnings": warnings,
        "made_with": _software(),
        "trust_background": study.explanation_background,
        "trained_on": checkpoint_cards.training_split(sample.study.card).replace("+", " and "),
        "dims": list_dimensions,
        "prod": math.prod,
        "labels": metrics.labels,
        "notes": describe_notes,
        "describe_background": describe_background,
        "describe_standard_error": describe_standard_error,
        "describe_decision": describe_decision,
        "describe_conflict": describe_conflict,
        "INERT": INERT,
    }


def _software() -> str:
    """Return the versions of qfusion and of the libraries that compute or draw parts of a report."""
    packages = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
    versions = {"qfusion": __version__, **installed_versions(packages)}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _read_stability(sample: Sample) -> tuple[stability.Stability | None, str]:
    """Return the measured stability over training seeds, or None and the reason why it does not apply."""
    if sample.tweak_text:
        return None, (
            "How other training seeds would explain this is measured for the model as trained, not as it is "
            "changed here."
        )
    try:
        return trust.load_stability(sample.study), ""
    except (NotFound, IntegrityError) as error:
        return None, str(error).replace("`", "")


def reproduction_lines(sample: Sample) -> str:
    """Return the commands that write the same report and the same numbers.

    For a sample that commands cannot open it is the call of Python instead.
    """
    if not has_command(sample):
        return _open_sample_call(sample)
    words = ("--sample", sample.id, *output_options(sample))
    report = f"{command_line(sample, 'report', *words)} --out report.html"
    if sample.tweak_text:
        return report
    return f"{report}\n{command_line(sample, 'explain', *words)} --json"


def _open_sample_call(sample: Sample) -> str:
    """Return the call of `study.open_sample` that opens a sample."""
    background = sample.background
    arguments = {"output": output_argument(sample)}
    if background.kind not in (backgrounds.DEFAULT, "contrast"):
        arguments["background"] = background.kind
    if background.kind == "contrast":
        arguments["contrast"] = background.label
    if background.kind == "cohort":
        arguments["members"] = f"{background.label}:FILTER"
    if sample.tweak_text:
        arguments["tweak"] = sample.tweak_text
    positional = f"{sample.name!r}, {sample.id!r}, {sample.dataset.name!r}"
    named = "".join(f", {name}={value!r}" for name, value in arguments.items() if value)
    return f"qfusion.study.open_sample({positional}{named})"


def command_line(sample: Sample, name: str, *words: str) -> str:
    """Return a command about the model, the data and the background of a sample.

    Args:
        name: of the command.
        words: further arguments, before those of the background. The background must not be a stored cohort.
    """
    background = sample.background
    if background.kind == "contrast":
        background_words = ["--contrast", background.label]
    elif background.kind == backgrounds.DEFAULT:
        background_words = []
    else:
        background_words = ["--background", background.kind]
    arguments = ["--model", sample.name, "--data", sample.dataset.name, *words, *background_words]
    return f"python -m qfusion {name} {shlex.join(arguments)}"


def has_command(sample: Sample) -> bool:
    """Return whether commands can open a sample.

    They cannot open a reader's own sample, nor compare with a stored cohort.
    """
    return not sample.is_own and sample.background.kind != "cohort"


def output_options(sample: Sample) -> list[str]:
    """Return the options of a command for the explained output of a sample and for its tweak."""
    words = []
    if sample.classes:
        words += ["--output", output_argument(sample)]
    if sample.tweak_text:
        words += ["--tweak", sample.tweak_text]
    return words


def output_argument(sample: Sample) -> str:
    """Return the text from which `outputs.parse` reads the explained output."""
    if not sample.classes:
        return str(sample.explanation.outputs[sample.output])
    return str(Output(sample.output, sample.study.reference, sample.classes))
