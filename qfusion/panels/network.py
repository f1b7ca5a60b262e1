"""An entangled-fusion network: its fusion rules as truth tables and the decision by edited ones, the decision on a
noisy device, and the decision and entropies along its layers.
"""

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import size
from qfusion.analysis import dynamics as evolution, text
from qfusion.analysis.sample import Sample
from qfusion.explain import evidence, stability
from qfusion.explain.coalitions import net_joint_share
from qfusion.figures import circuit, decision, dynamics, numbers, style
from qfusion.models import require, table_edits
from qfusion.models.tweak import MAX_TEXT
from qfusion.panels import panel, params
from qfusion.panels.circuit import PART
from qfusion.panels.dynamics import DIVIDENDS
from qfusion.wording import answers
from qfusion.wording.backgrounds import describe_baseline, describe_comparison

SAME = 1e-9  # angles that differ less are the same


def most_read(reading: evidence.Reading, element: int) -> str:
    """What the qubits of the first stage most likely read of this sample, such as "011"."""
    return reading.patterns[int(np.argmax(reading.weights[element, 0]))]


def named(rule: str) -> str:
    """A rule as people write it."""
    return rule.upper() if rule in ("and", "or") else rule


FAR = 0.25  # distance from a named rule from which on a table is not called like it: 0.5 is that of an undecided table


def likeness(whose: str, rule: str, distance: float) -> str:
    """Which named rule a fusion table is like, if any; the distance to the nearest, root mean square, 0 to 1."""
    if round(distance, 2) == 0:
        return f"{whose} fuses as {named(rule)} does (distance {size(distance)})"
    if distance >= FAR:
        return f"{whose} fuses like no named rule; the nearest is {named(rule)} (distance {distance:.2f})"
    return f"{whose} fuses most like {named(rule)} (distance {distance:.2f})"


def tables(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    element: str = "",
    stage: int = 0,
    outcome: str = "",
) -> panel.Picture:
    """The fusion's truth tables as a heat map.

    Args:
        sample: a sample of a model with fusion rules.
        theme: of the figure.
        element: the row that is marked; the first unless told.
        stage: of the chain of fusions, from 0.
        outcome: the column that is marked, a digit a qubit, such as "011"; unless told what this sample reads most.
    """
    require(sample.model, "rules")
    reading = sample.reading
    row = reading.elements.index(
        choose("Element", element or reading.elements[0], reading.elements)
    )
    last = len(reading.controls) - 1
    check(0 <= stage <= last, f"Argument `stage` must be from 0 to {last}, but is {stage}.")
    column = reading.patterns.index(
        choose("Outcome", outcome or most_read(reading, row), reading.patterns)
    )
    phi, learned = (
        model.phi.detach().double()[:, stage] for model in (sample.model, sample.study.model)
    )
    name, mass = text.plain(reading.elements[row]), float(reading.tables[row, stage, column])
    return panel.Picture(
        "tables",
        likeness(f"‘{name}’" if reading.elements_are_classes else name, *reading.rules[row]),
        decision.tables(
            reading.tables[:, stage],
            reading.weights[:, stage],
            reading.patterns,
            reading.elements,
            angles=phi.numpy(),
            controls=reading.controls[stage],
            chosen=(row, column),
            edited=((phi - learned).abs() > SAME).numpy(),
            theme=theme,
        ),
        shows="for each element (row) the mass that the fused qubit gets when the modality qubits read the pattern "
        "above; click a cell to edit it, a corner marks edited ones. Distance: root mean square over the table, "
        "0 to 1. The same for every sample.",
        not_shown="how often this sample reads a pattern: point at a cell.",
        alt=f"Truth tables of {len(reading.elements)} elements over {len(reading.patterns)} patterns. Marked: element "
        f"{reading.elements[row]}, pattern {reading.patterns[column]}, mass {mass:.2f}. Pickers below choose another.",
        table=lambda: pd.DataFrame(
            [
                {
                    "element": reading.elements[i],
                    "stage": k,
                    "pattern": reading.patterns[b],
                    "mass": reading.tables[i, k, b],
                    "probability_in_this_sample": reading.weights[i, k, b],
                    "rule": reading.rules[i][0],
                    "distance": reading.rules[i][1],
                }
                for i, k, b in np.ndindex(*reading.tables.shape)
            ]
        ),
    )


def waterfall(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """The decision with the edited tables, term by term."""
    now, base = sample.dividends, sample.learned.dividends
    return panel.Picture(
        "waterfall-edited",
        answers.finding_for(sample, now),
        decision.waterfall(
            now,
            sample.modalities,
            truth=sample.target,
            unit=sample.unit,
            quantity=sample.quantity,
            theme=theme,
        ),
        shows=f"the exact sum baseline + single modalities + joint terms (hatched) = {sample.quantity}, with these "
        "tables." + sample.of + " " + describe_baseline(sample.study.background),
        not_shown="how it was as learned: reset all cells.",
        alt=f"Waterfall of the decision with these tables: {panel.terms(now)}.",
        table=lambda: numbers.terms_table(now).assign(as_learned=list(base.values())),
    )


def turned(was: str, now: str, sure: str, changed: bool) -> str:
    """Whether an edit of the tables turns the decision between classes; `sure` says how sure it is by now."""
    if was != now:
        return f"The edit turns the decision from ‘{text.plain(was)}’ to ‘{text.plain(now)}’"
    return f"Decision {'stays' if changed else 'is'} ‘{text.plain(now)}’ ({sure})"


def probabilities(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Softmax of the classes with the edited tables; of models that choose among classes."""
    classes = sample.study.classes
    check(
        bool(classes),
        f"Model '{sample.study.name}' predicts a number, not classes. See the waterfall.",
    )
    now, base = sample, sample.learned
    best, was = int(now.scores.argmax()), int(base.scores.argmax())
    changed = bool(sample.tweak)
    return panel.Picture(
        "probabilities",
        turned(classes[was], classes[best], text.softmax(float(now.probabilities[best])), changed),
        decision.class_bars(
            now.probabilities,
            classes,
            truth=sample.true_class,
            before=base.probabilities if changed else None,
            theme=theme,
        ),
        shows=f"{decision.classes_drawn(classes, sample.true_class)} with these tables"
        + ("; diamonds: as learned. " if changed else ". ")
        + f"{sample.study.calibration}{sample.of}",
        not_shown="other samples: see the test accuracy above.",
        alt=f"Softmax of the classes: {panel.listed(classes, now.probabilities)}.",
        table=lambda: pd.DataFrame(
            {"class": classes, "probability": now.probabilities, "as_learned": base.probabilities}
        ),
    )


_RULED, _RULES_OPEN = panel.can("rules"), PART.chosen("Fusion rules")
EDITS = params.TextParam(
    "phi",
    "Edits as text",
    help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
    most=MAX_TEXT,
    fits=_RULED,
    style={"placeholder": "such as 0.11=3.14, 2:and or all:or"},
)
ELEMENT = params.SelectParam(
    "element",
    "Element",
    "The first is shown.",
    values=lambda study: study.elements,
    fits=_RULED,
)
STAGE = params.SelectParam(
    "stage",
    "Stage of the chain",
    "The first is shown.",
    values=lambda study: map(str, range(table_edits.shape_of(study.model).stages)),
    read=params.whole_number("stage", 0, 1000),
    fits=_RULED,
)
OUTCOME = params.SelectParam(
    "outcome",
    "What the qubits read",
    "The one that this sample reads most is shown.",
    "One digit a qubit, in the order above the heat map; 1 = yes.",
    lambda study: table_edits.edited_patterns(table_edits.shape_of(study.model)),
    fits=_RULED,
)
SCOPE = params.SelectParam(
    "scope",
    "Set to a rule",
    "A rule is set for this element.",
    values=("this element", "all elements"),
    look="segments",
    fits=_RULED,
)


# The decision of an entangled-fusion network on a noisy device, with the standard errors that so many shots leave.
#
# Noise is told by three probabilities: of a qubit to be replaced by the maximally mixed state, and to decay, after each
# operation on several qubits; of a read bit to be lost to a coin toss.

SHOTS = 1000


def noisy(
    sample: Sample,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> evolution.Noisy:
    """What the noisy circuit says of the sample."""
    return evolution.with_noise(
        sample.study, sample.row, sample.tweak, (depolarising, damping, readout), shots
    )


def scores(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> panel.Picture:
    """Log-odds of the classes, or the score, under noise, beside those of the exact circuit.

    Args:
        sample: a sample of an entangled-fusion network.
        theme: of the figure.
        depolarising, damping, readout: probabilities, see above.
        shots: how often each circuit is run.
    """
    study, quantity = sample.study, sample.quantity
    result = noisy(sample, depolarising, damping, readout, shots)
    names = study.classes or study.model.outputs
    head = f"{result.scores[0]:.2f} ± {result.errors[0]:.2f} at {shots:,} shots"
    if len(names) > 1:
        first, second = np.argsort(-result.scores)[:2]
        head = lead(
            text.plain(names[first]),
            float(study.logits(result.scores[first] - result.scores[second])),
            float(study.logits(np.asarray(result.lead_error))),
            shots,
        )
    return panel.Picture(
        "noisy-scores",
        head,
        decision.class_bars(
            result.scores,
            names,
            truth=sample.true_class,
            before=sample.scores,
            before_name="exact",
            errors=result.errors,
            unit="log-odds (nats)" if study.classes else sample.unit,
            theme=theme,
        ),
        shows=f"the {quantity} under this noise; error bars: one standard error of that many shots; diamonds: the "
        "exact circuit. All bars come from the same shots, so bars that overlap do not say that a lead is within "
        "chance: the title counts errors of the difference." + sample.of,
        not_shown="drift and cross-talk of a real device.",
        alt=f"{panel.capital(quantity)} under noise: {panel.listed(names, result.scores, '+.2f')}.",
        table=lambda: pd.DataFrame(
            {
                "class": names,
                quantity.replace("-", "_"): result.scores,
                "standard_error": result.errors,
                "exact": sample.scores,
            }
        ),
    )


def lead(name: str, gap: float, error: float, shots: int) -> str:
    """Returns how far the first class is ahead of the next, in standard errors of their difference over the same
    shots; that nothing scatters where it does not."""
    if error <= 1e-9 * max(abs(gap), 1e-300):
        return f"‘{name}’ leads by {gap:.2f}; its shots do not scatter"
    words = f"‘{name}’ leads by {gap / error:.1f} standard errors of the difference"
    return (
        f"{shots:,} shots do not settle it: {words}"
        if gap / error < 2
        else f"{words} at {shots:,} shots"
    )


def terms(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    depolarising: float = 0.0,
    damping: float = 0.0,
    readout: float = 0.0,
    shots: int = SHOTS,
) -> panel.Picture:
    """Contributions under noise, beside those of the exact circuit; arguments as of `scores`."""
    study, c = sample.study, sample.output
    result = noisy(sample, depolarising, damping, readout, shots)
    before = sample.dividends
    values, errors = (
        {term: float(part[i, c]) for i, term in enumerate(study.coalitions)}
        for part in (result.dividends, result.dividend_errors)
    )
    sure = sum(bool(term) and abs(values[term]) > 2 * errors[term] for term in values)
    return panel.Picture(
        "noisy-terms",
        f"{sure} of {len(values) - 1} terms stand out from the shots{sample.whose}",
        decision.term_bars(
            values, errors, before, sample.modalities, unit=sample.unit, theme=theme
        ),
        shows="contributions under this noise with standard errors when every coalition's circuit is run that often; "
        "diamonds: exact." + sample.of + " " + describe_comparison(study.background),
        not_shown="the baseline: it is in the table.",
        alt=f"Contributions under noise: {panel.terms(values)}.",
        table=lambda: numbers.terms_table(values).assign(
            standard_error=list(errors.values()), exact=list(before.values())
        ),
    )


NOISE: dict[str, params.Param] = {
    kind: params.NumberParam(
        f"noise.{kind}",
        title,
        "0 is used.",
        words,
        step=0.01,
        fits=_RULED,
        style={"format": "%.2f"},
    )
    for kind, title, words in (
        (
            "depolarising",
            "Depolarising",
            "A qubit is replaced by the maximally mixed state with this probability, after each operation on several "
            "qubits",
        ),
        (
            "damping",
            "Amplitude damping",
            "|1⟩ decays to |0⟩ with this probability, at the same places",
        ),
        ("readout", "Read-out", "A read bit is lost to a coin toss with this probability"),
    )
} | {
    "shots": params.SelectParam(
        "shots",
        "Shots",
        "1000 are used.",
        "How often each circuit is run",
        ("100", "200", "500", "1000", "2000", "5000", "10000", "100000"),
        default="1000",
        look="steps",
        read=params.whole_number("shots", 1, 10**9),
        fits=_RULED,
    )
}
_NOISE_OPEN = PART.chosen("Noise and shots")


# An entangled-fusion network along its layers: the decision if it were read earlier, and entropies.

JOINT, MUTUAL = "entropy in play", "mutual information"
SMALL = 1e-9  # terms that add up to less are rounding


def along_layers(sample: Sample) -> dict[str, np.ndarray]:
    """Correlations of the qubits at every place between the layers, (P,) each, by JOINT and MUTUAL."""
    entropies = evolution.layers(sample.study, sample.row, sample.tweak)
    return {
        JOINT: entropies.joint,
        MUTUAL: np.array([np.max(row, initial=0.0) for row in entropies.mutual]),
    }


def decision_over_layers(
    sample: Sample, theme: style.Theme = "light", *, terms: str = DIVIDENDS, layer: str = ""
) -> panel.Picture:
    """Correlations of the qubits and terms of the decision at every place between the layers.

    Args:
        sample: a sample of a model with layers.
        theme: of the figure.
        terms: "contributions" or "Shapley values".
        layer: the place that is marked, such as "layer 0 pooled"; the end unless told.
    """
    moments, dividends, fair = sample.through.moments, sample.along, sample.shapley_along
    series = along_layers(sample)
    parts, what = (
        (dividends, "contribution")
        if choose("Terms", terms, stability.TERM_KINDS) == DIVIDENDS
        else (fair, "Shapley value")
    )
    return panel.Picture(
        "decision-layers",
        outweighing(moments, dividends) + sample.whose,
        dynamics.decision_layers(
            moments,
            series,
            parts,
            sample.modalities,
            unit=sample.unit,
            what=what,
            cursor=moments.index(choose("Place in the network", layer or moments[-1], moments)),
            theme=theme,
        ),
        lead=f"**When did it happen?** {answers.since_when(sample)} "
        "**What did the dynamics add?** "
        f"{answers.what_was_added(sample)}",
        shows="below, the terms of the decision if the circuit stopped there: later gates left out, every qubit "
        "measured, the same head (solid alone, dashed or dotted jointly); above, the entropy of the qubits "
        "still in play and the largest mutual information across a cut between them."
        + sample.of
        + " "
        + describe_comparison(sample.study.background),
        not_shown="what an earlier stop was trained for: the head only ever learned to read the end. The baseline is "
        "left out.",
        alt="Terms of the decision along the layers: at the end "
        + ", ".join(f"{term} {values[-1]:+.2f}" for term, values in dividends.items() if term)
        + ".",
        table=lambda: layer_table(moments, dividends, series).assign(
            **{f"shapley[{name}]": values for name, values in fair.items()}
        ),
    )


def outweighing(moments: tuple[str, ...], terms: dict[str, np.ndarray]) -> str:
    """From where on the sum of the joint terms outweighs that of single modalities for good, or that it does not.

    Shares are written in percent, so that what is level there outweighs nothing.
    """
    size = sum(np.abs(values) for term, values in terms.items() if term)
    if np.asarray(size, dtype=float)[-1] <= SMALL:
        return "At the end no term adds anything to the baseline"
    percent = np.round(100 * net_joint_share(terms))
    if percent[-1] == 50:
        return (
            "At the end joint terms and single modalities weigh the same (50% of the net sums each)"
        )
    if percent[-1] < 50:
        return f"At the end the single modalities outweigh the joint terms ({100 - percent[-1]:.0f}% of the net sums)"
    since = moments[np.max(np.flatnonzero(percent <= 50), initial=-1) + 1]
    share = f"{percent[-1]:.0f}% of the net sums at the end"
    return f"Joint terms outweigh the single modalities from “{since}” on ({share})"


def layer_table(
    moments: tuple[str, ...], terms: dict[str, np.ndarray], series: dict[str, np.ndarray]
) -> pd.DataFrame:
    """One row a moment."""
    return pd.DataFrame(
        {"moment": moments}
        | {f"dividend[{term or 'baseline'}]": values for term, values in terms.items()}
        | {"entropy": series[JOINT], "mutual_information": series[MUTUAL]}
    )


def cuts(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Entropy of the first k qubits at the input and around every pooling, for every k."""
    return _cuts(
        sample,
        theme,
        "cuts",
        "Entropy of every cut",
        "entropy (nats)",
        "entropy of the first k qubits: mixed from fusion, plus entanglement with the others. "
        + evidence.INERT,
        "correlation alone: see the mutual information.",
    )


def mutual(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Mutual information of the first k qubits with the others at the input and around every pooling, for every k."""
    layers = evolution.layers(sample.study, sample.row, sample.tweak)
    return _cuts(
        sample,
        theme,
        "mutual",
        correlated(float(np.max(np.concatenate(layers.mutual), initial=0.0))),
        "mutual information (nats)",
        "mutual information across each cut: zero for the product that fusion leaves; convolution creates it.",
        "whether it is classical or quantum.",
    )


def correlated(largest: float) -> str:
    """How far the network correlates the qubits; the largest mutual information across any cut, in nats."""
    if round(largest, 2) <= 0:
        return f"The qubits stay all but uncorrelated ({size(max(largest, 0.0))} nats)"
    return f"The network correlates the qubits by up to {largest:.2f} nats"


def _cuts(
    sample: Sample, theme: style.Theme, name: str, head: str, unit: str, shows: str, not_shown: str
) -> panel.Picture:
    result = evolution.layers(sample.study, sample.row, sample.tweak)
    values = getattr(result, name)
    return panel.Picture(
        name,
        head,
        circuit.cuts(values, result.moments, unit, theme=theme),
        shows=shows + sample.of,
        not_shown=not_shown,
        alt=f"{head}, one row for each of {len(result.moments)} moments; at the last, by cut: "
        + panel.listed([f"after qubit {k}" for k in range(len(values[-1]))], values[-1])
        + ".",
        table=lambda: pd.DataFrame(
            [
                {"moment": moment, "first_k": k + 1, name: value}
                for moment, row in zip(result.moments, values, strict=True)
                for k, value in enumerate(row)
            ]
        ),
    )


def poolings(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Entropy of the qubits in play before and after every pooling, and of what is measured."""
    pools = evolution.layers(sample.study, sample.row, sample.tweak).poolings()
    before, after, outcomes = (pools[name].to_numpy() for name in ("before", "after", "outcomes"))
    return panel.Picture(
        "poolings",
        lowered(before[-1] - after[-1]),
        circuit.poolings(before, after, outcomes, theme=theme),
        shows="joint von Neumann entropy of the active qubits before each pooling and of those that stay after it, and "
        "the sum of the Shannon entropies of the outcomes: the head reads these too." + sample.of,
        not_shown="how much of it the decision uses.",
        alt="Entropy in nats after each pooling: "
        + panel.pairs(map("pooling {}".format, pools["layer"] + 1), before, after)
        + ".",
        table=lambda: pools,
    )


def lowered(drop: float) -> str:
    """What the last pooling does to the entropy of the qubits in play, in nats: before less after."""
    if round(drop, 2) == 0:
        return "After the last pooling the qubits that stay have the same entropy as all had before, to 0.01 nats"
    return (
        f"After the last pooling the qubits that stay have {abs(drop):.2f} nats {'less' if drop > 0 else 'more'} "
        "entropy than all had before"
    )


LAYER = params.SelectParam(
    "layer",
    "Place in the network",
    "The end of the network is marked.",
    "Marked in the figure; its numbers stand below it.",
    lambda study: [name for name, _ in study.model.network.moments()],
    look="steps",
    fits=panel.can("layers"),
)


CONTROLS = (EDITS, ELEMENT, STAGE, OUTCOME, SCOPE, *NOISE.values(), LAYER)
_ENTROPIES = PART.chosen("Entropies")
PANELS = {
    "tables": panel.Panel(
        tables,
        {"element": ELEMENT, "stage": STAGE, "outcome": OUTCOME},
        fits=_RULED,
        opens=_RULES_OPEN,
    ),
    "probabilities": panel.Panel(
        probabilities,
        fits=lambda sample: _RULED(sample) and bool(sample.study.classes),
        opens=_RULES_OPEN,
    ),
    "waterfall-edited": panel.Panel(waterfall, fits=_RULED, opens=_RULES_OPEN),
    "noisy-scores": panel.Panel(
        scores, NOISE, fits=panel.can("rules", "circuit"), opens=_NOISE_OPEN
    ),
    "noisy-terms": panel.Panel(terms, NOISE, fits=panel.can("rules", "circuit"), opens=_NOISE_OPEN),
    "decision-layers": panel.Panel(
        decision_over_layers,
        {"terms": panel.TERMS, "layer": LAYER},
        fits=panel.can("layers"),
        opens=_ENTROPIES,
    ),
    "cuts": panel.Panel(cuts, fits=panel.can("layers"), opens=_ENTROPIES),
    "mutual": panel.Panel(mutual, fits=panel.can("layers"), opens=_ENTROPIES),
    "poolings": panel.Panel(poolings, fits=panel.can("layers"), opens=_ENTROPIES),
}
