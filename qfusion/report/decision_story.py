"""The content of a story of a decision: its terms over time, as learned and after one change: the reader's, or the
removal of the coupling, dissipation or fusion rule that moves the decision most."""

from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion import __version__
from qfusion._sentences import share
from qfusion.data.coalition_terms import split_term
from qfusion.data.sample_content import Audio, Film, Image, Text
from qfusion.errors import QFusionError
from qfusion.explain.coalitions import joint_share
from qfusion.figures import evolution_charts
from qfusion.figures.lines import keep_legend
from qfusion.models.network import gate_angles
from qfusion.models.protocols import Evolution, LayeredNetwork, Physics
from qfusion.models.tweak import coupling_key, dissipation_key
from qfusion.report import blocks, sample_report
from qfusion.report.blocks import Block, picture
from qfusion.report.story_page import Act, Story
from qfusion.study import recording_strip, text
from qfusion.study.sample import Sample
from qfusion.views import sensitivity
from qfusion.views.pages import address, notebook
from qfusion.views.words import answers
from qfusion.views.words.decisions import describe_comparison
from qfusion.views.words.verdicts import name_decision

MOST_TERMS = 8  # that are drawn, the largest
_LEAST = 1e-9  # of the explained output: what moves it less does not


def build_story(sample: Sample) -> Story:
    """Return the story of a decision.

    Args:
        sample: of a model that can be read out on the way; its tweak is the lever.

    Raises:
        InvalidInput: when the model is read out at its end only.
    """
    learned = sample.untweaked
    study = sample.study
    comparison = describe_comparison(study.background)
    decided = answers.answer_decision(learned.verdict, study.seeds_state)
    says = f"{decided} {answers.answer_change(learned)} {comparison}"
    acts = [Act("As learned", text.strip_markup(says), _term_lines(learned))]
    if sample.tweak_text:
        acts.append(_lever_act(sample, _describe_changes(sample)))
    elif (result := largest_lever(sample)) is not None:
        acts.append(_lever_act(*result))
    _share_axis_ranges([act.figure for act in acts])
    origin = _describe_origin(sample)
    command = ""
    if sample_report.has_command(sample):
        choices = sample_report.output_options(sample)
        command = sample_report.command_line(
            sample, "story", "--sample", sample.id, *choices, "--out", "story.html"
        )
    return Story(
        f"Sample {sample.id}: why {sample.name} says "
        f"{name_decision(learned.scores, sample.classes)}",
        sample_report.describe_prediction(learned),
        tuple(acts),
        **_content_card(sample),
        made_from=f"{origin} Made by qfusion {__version__}.",
        command=command,
    )


def _describe_origin(sample: Sample) -> str:
    """Return a sentence that names the model, the data set and the sample."""
    source = address.describe_source(sample.study)
    names = [
        f"{part['name']} (SHA-256 {part['digest'][:8]}…)"
        for part in (source["model"], source["data"])
    ]
    return f"Model {names[0]}, data set {names[1]}, sample {sample.id}."


def largest_lever(sample: Sample) -> tuple[Sample, list[str], str] | None:
    """Return the sample with one coupling, dissipation or fusion taken out, that without which it moves most.

    What is changed, as markdown, and a sentence on the choice. None where nothing of the kind moves it.
    """
    if not sample.model.part(Physics):
        return None
    result = sensitivity.effect_sensitivity(sample).sensitivity
    able = {
        place: abs(effect)
        for place, effect in enumerate(result.effects[:, 0])
        if result.parameters[place].kind in ("coupling", "dissipation", "fusion")
    }
    first = max(able, key=able.__getitem__, default=None)
    if first is None or able[first] < _LEAST:
        return None
    term = result.parameters[first]
    pulled = replace(sample, tweak=_removal_tweak(sample, term.kind, first, term.modalities))
    others = "coupling or dissipation" if sample.model.part(Evolution) else "element's fusion"
    return (
        pulled,
        _describe_changes(pulled)
        if sample.model.part(Evolution)
        else [f"{text.escape_markdown(term.title)} taken out"],
        f"No other {others} moves the {sample.quantity} more when it is taken out.",
    )


def _describe_changes(sample: Sample) -> list[str]:
    """Return the changes of the model, as Markdown."""
    if sample.model.part(Evolution):
        return notebook.list_changes(sample.tweak)
    return [f"fusion rules {text.escape_markdown(sample.tweak_text)}"]


def _removal_tweak(sample: Sample, kind: str, place: int, modalities: tuple[str, ...]) -> str:
    """Return the tweak that removes a term. For a fusion it sets right angles, with which its qubit ignores the
    qubits that it reads.
    """
    keys = {"coupling": coupling_key, "dissipation": dissipation_key}
    if kind in keys:
        return f"{keys[kind]('+'.join(modalities))}=0"
    words = ""
    shape = gate_angles.table_shape(sample.study.model)
    for stage, pattern in np.ndindex(shape.stages, shape.patterns):
        words = gate_angles.set_entry(words, shape, place, stage, pattern, pi / 2)
    return words


def _lever_act(sample: Sample, changed: list[str], why: str = "") -> Act:
    """Return the terms under a lever, those as learned as thin lines.

    And what it did to joint terms, output, decision and the first test metric.
    """
    before = _largest_terms(sample.untweaked)
    joint = [
        float(joint_share({term: np.array([value]) for term, value in one.dividends.items()})[0])
        for one in (sample.untweaked, sample)
    ]
    says = text.strip_markup(notebook.describe_tweak(sample, changed, {}))
    shares = f"The joint share goes from {share(joint[0])} to {share(joint[1])}."
    words = " ".join(filter(None, [says, shares, why]))
    return Act("One lever", words, _term_lines(sample, before), len(before[1]))


def _term_lines(sample: Sample, before: evolution_charts.Curves | None = None) -> go.Figure:
    """Draw the terms as they grow, above those before a change."""
    places, terms = _largest_terms(sample)
    figure = evolution_charts.measure_lines(
        places, terms, sample.modalities, text.with_unit("contribution", sample.unit), before=before
    )
    if sample.model.part(LayeredNetwork):
        figure.update_xaxes(
            title_text="place in the network",
            tickvals=places.tolist(),
            ticktext=["<br>".join(str(name).rsplit(" ", 1)) for name in sample.places],
        )
    return figure


def _largest_terms(sample: Sample) -> evolution_charts.Curves:
    """Return the places along the way, and the terms there that are the largest as learned."""
    learned = {term: values for term, values in sample.untweaked.path_dividends.items() if term}
    largest = sorted(learned, key=lambda term: -float(np.abs(learned[term]).max()))[:MOST_TERMS]
    places = sample.places if sample.model.part(Evolution) else np.arange(len(sample.places))
    return np.asarray(places, dtype=float), {
        split_term(term): sample.path_dividends[term] for term in learned if term in largest
    }


def _share_axis_ranges(figures: list[go.Figure]) -> None:
    """Set the axis ranges of all figures to common ranges that contain the lines of each."""
    for axis, edge in (("x", 0.0), ("y", 0.06)):
        values = np.concatenate(
            [
                np.asarray(trace[axis], dtype=float)
                for figure in figures
                for trace in figure.data
                if trace[axis][0] is not None
            ]
        )
        low = float(values.min())
        high = float(values.max())
        room = edge * (high - low) or 1e-6 * (low == high)
        for figure in figures:
            keep_legend(figure).layout[f"{axis}axis"].range = [low - room, high + room]


def _content_card(sample: Sample) -> dict[str, Any]:
    """Return the video, audio and text of the sample, and the known facts about it."""
    words: dict[str, str] = {}
    media: dict[str, Block] = {}
    if isinstance(sample.truth, float):
        truth = f"{sample.truth:+.2f}"
    else:
        truth = sample.truth or "not known"
    facts = [
        f"Sample {sample.id} of {sample.dataset.name}",
        f"Annotated: {truth}",
        f"Model {sample.name}",
    ]
    for name, piece in sample.dataset.content(sample.row).items():
        match piece:
            case Text():
                words[name] = piece.text
            case Image():
                media[name] = picture(piece.pixels)
            case Film():
                media[name] = blocks.film_block(piece)
            case Audio():
                media[name] = blocks.audio_block(piece)
    source = recording_strip.source(sample.dataset, sample.row)
    problem = source.problem
    if source.clip is not None:
        try:
            poster = source.clip.preview().poster
        except QFusionError as error:
            problem = str(error)
        else:
            if poster is not None:
                media["recording"] = picture(poster)
    if problem:
        facts.append(f"Its recording cannot be shown: {problem}")
    return {"facts": tuple(facts), "words": words, "media": media}
