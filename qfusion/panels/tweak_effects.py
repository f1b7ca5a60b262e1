"""What sliders change of a decision and of correlations, in sentences."""

from collections.abc import Mapping, Sequence

from qfusion._sentences import listed, true_minus
from qfusion.analysis import sample_evolution, text
from qfusion.analysis.sample import Sample
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import Tweak
from qfusion.training import metrics
from qfusion.wording import answers, systems
from qfusion.wording.samples import format_probability, name_explained_class

MOST_SAID = 2  # changes, and groups of modalities, that a line names one by one


def list_changes(tweak: Tweak) -> list[str]:
    """Describe the changes one by one, as Markdown."""
    changes = [
        f"H: {text.escape_markdown(term)} × {factor:g}" for term, factor in tweak.couplings.items()
    ]
    for term, factor in tweak.dissipations.items():
        changes.append(f"dissipation: {text.escape_markdown(term)} × {factor:g}")
    if tweak.duration is not None:
        changes.append(f"T = {tweak.duration:g}")
    return changes


Ends = tuple[float, float, str]  # a number at T as learned and now, and its unit


def correlation_change(sample: Sample) -> dict[str, Ends]:
    """Return the correlation at T, as learned and now, by its name as markdown: of the modalities that changed terms
    act on, or of all where these are more than two groups.

    None of a single modality. With it the log-negativity of a pair, or of one modality with the rest, where all changed
    terms act on these.
    """
    names = sample.modalities
    ends = {}
    parts = sample_evolution.affected_modalities(sample.tweak, names)
    if len(names) == 1:
        return {}
    if len(parts) > MOST_SAID:
        parts = [names]
    for part in parts:
        whose = f" of {listed([text.escape_markdown(name) for name in part])}"
        if len(part) == 1:
            whose += " with the rest"
        elif len(parts) == 1 and (len(part) == len(names) or len(list_changes(sample.tweak)) == 1):
            whose = ""  # those that stand before it
        name = f"{'mutual information' if len(part) < 3 else 'total correlation'}{whose}"
        measures = [(name, sample_evolution.shared_at_end, "nats")]
        if len(parts) == 1 and len(part) < 3:
            measures.append((f"log-negativity{whose}", sample_evolution.entangled_at_end, "bits"))
        for called, at_end, unit in measures:
            ends[called] = (
                at_end(sample.study, sample.row, sample.untweaked.tweak, part),
                at_end(sample.study, sample.row, sample.tweak, part),
                unit,
            )
    return ends


def equal_as_written(before: float, after: float) -> bool:
    """Return whether a difference is none as numbers are written, to 0.001."""
    return abs(after - before) < 5e-4 or f"{before:z.3f}" == f"{after:z.3f}"


def format_change(before: float, after: float) -> str:
    """Return two numbers as `0.210 → 0.130`, or a single number if both are written alike."""
    if equal_as_written(before, after):
        return f"{after:z.3f} (unchanged to 0.001)"
    return f"{before:z.3f} → {after:z.3f}"


def describe_change(
    changed: Sequence[str],
    shared: Mapping[str, Ends],
    score: tuple[float, float],
    decided: tuple[str, str],
    metric: tuple[str, float, float],
    whose: str = "",
    sure: tuple[float, float] = (0.0, 0.0),
    quantity: str = "score",
) -> str:
    """Describe the effect of the sliders, in one line.

    Args:
        changed: of `list_changes`. shared: of `correlation_change`.
        score, decided: the explained output as learned and now; the decision in words.
        metric: name of a test metric, its value as learned and now.
        whose: what is explained, behind the word.
        sure: softmax of the predicted class as learned and now, said where it stays the same class; alike where there
            are no classes.
        quantity: what is explained, "log-odds" or "score".
    """
    if len(changed) <= MOST_SAID:
        lever = ", ".join(changed)
    else:
        lever = f"{len(changed)} changes"
    parts = []
    for name, (before, after, unit) in shared.items():
        part = f"{name} {format_change(before, after)}"
        if not equal_as_written(before, after):
            part += f" {unit}"
        parts.append(part)
    parts.append(f"{quantity}{whose} {format_change(*score)}")
    if decided[0] != decided[1]:
        parts.append(f"decision now {decided[1]}")
    elif equal_as_written(*sure):
        parts.append("decision unchanged")
    else:
        ends = " → ".join(map(format_probability, sure))
        parts.append(f"decision unchanged (softmax {ends})")
    return f"**{lever}**: {', '.join(parts)}, test {metric[0]}: {format_change(*metric[1:])}."


def describe_tweaked_sample(sample: Sample) -> str:
    """Return `describe_tweak` of a sample whose tweak changes something, for any model that accepts a tweak."""
    timed = sample.model.part(Evolution) is not None
    words = describe_tweak(
        sample,
        list_changes(sample.tweak) if timed else [text.escape_markdown(sample.tweak_text)],
        correlation_change(sample) if timed else {},
    )
    return true_minus(words)


def describe_tweak(sample: Sample, changed: Sequence[str], shared: Mapping[str, Ends]) -> str:
    """`describe_change` of a sample under its tweak, as markdown; `changed` and `shared` as there."""
    study = sample.study
    base = sample.untweaked
    first = metrics.headlines(sample.metrics)[0]
    short = metrics.labels(sample.metrics)[first].short.partition(" (")[0]
    if study.classes:
        metric = "accuracy"
        certainty = float(base.probabilities.max()), float(sample.probabilities.max())
    else:
        metric = short
        certainty = 0.0, 0.0
    verdicts = (
        answers.format_decision(study, base.scores),
        answers.format_decision(study, sample.scores),
    )
    metric_change = (
        metric + systems.seed_suffix(study),
        base.metrics[first],
        sample.metrics[first],
    )
    return describe_change(
        changed,
        shared,
        (base.score, sample.score),
        verdicts,
        metric_change,
        name_explained_class(sample),
        certainty,
        sample.quantity,
    )
