"""Which piece of a model fuses: patching, gate groups, and the smallest set of generator terms."""

import numpy as np

from qfusion._checks import choose
from qfusion._sentences import capitalise, listed
from qfusion.explain import bootstrap
from qfusion.figures import model_charts, style, training_charts
from qfusion.models import terms
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.plugins.why.pieces import gate_shapley, generator_pruning, patching, patching_charts
from qfusion.plugins.why.pieces.state_patching import PATCH_DEFAULT, PATCH_KINDS
from qfusion.plugins.why.pieces.words import (
    PATCH_DESCRIPTIONS,
    describe_gate_groups,
    describe_patches,
    describe_pruning,
)
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import metrics
from qfusion.views.pages import panel, params
from qfusion.views.pages.choices import needs
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.rules import cite_sample, describe_drawn

# Which piece does it?

ONE, MEAN = LENDERS = ("one sample", "background mean")
GROUP_UNITS = {
    gate_shapley.DECISION: "added to the {}",
    gate_shapley.LOSS: "added to the mean loss",
    gate_shapley.ENTANGLEMENT: "added to the mean von Neumann entropy of the qubits (nats)",
}


def state_patching(
    sample: Sample, *, lender: str = ONE, donor: str = "", kind: str = PATCH_DEFAULT
) -> View:
    """Draw how much of another sample's decision is restored when the state of one modality at a time is taken from
    that sample.

    Only of models that evolve.

    Args:
        sample: whose evolution goes on with it.
        lender: "one sample" or "background mean".
        donor: id of that sample; the nearest one that is decided differently by default.
        kind: of `state_patching.PATCH_KINDS`.
    """
    choose("Lender", lender, LENDERS)
    place = PATCH_KINDS.index(choose("Kind of patch", kind, PATCH_KINDS))
    other = "" if lender == MEAN else donor or patching.partner(sample)
    result = patching.patch_sample(sample.study, sample.row, other)
    whose = f"‘{text.escape_markdown(other)}’" if other else "the background's mean"
    restored = np.nan_to_num(result.restored[place, ..., 0])
    decided = terms.decisions(result.before), terms.decisions(result.donor)
    apart = len(result.outputs) > 1 and bool(decided[0][0] != decided[1][0])
    scale = float(sample.model.logit_scale) if apart else 1.0
    leads = [scale * float(lead[0]) for lead in result.leads[1:]]
    figure = patching_charts.patching_heatmap(
        result.times, result.modalities, restored, result.turned[place, ..., 0]
    )
    shows = (
        f"the sample's {sample.quantity} if one modality's state at time t is replaced by that of "
        f"{whose} and the joint state evolves to T: the change relative to the difference of both ({leads[0]:+z.2f} "
        f"here, {leads[1]:+z.2f} there"
    )
    if apart:
        shows += ", the one class against the other)"
    else:
        shows += ")"
    shows += f". {PATCH_DESCRIPTIONS[kind]} Exact."
    return View(
        name="patches",
        title=capitalise(describe_patches(result, 0, kind, whose, text.escape_markdown)),
        figure=figure,
        caption=shows,
        limits="A patch changes the model's state, not its features; possibly no input leads to the new state. Shares "
        "of modalities and times are not additive.",
        alternative="Largest share restored by each modality: "
        + rules.list_numbers(result.modalities, restored.max(1), "+.2f")
        + ".",
        table=result.frame,
    )


def gate_groups(sample: Sample, *, of: str = gate_shapley.DECISION) -> View:
    """Draw Shapley values of the network's gate groups; only of models that fuse by rules.

    Args:
        sample: whose decision and entanglement it is.
        of: target, of `gate_shapley.TARGETS`.
    """
    result = patching.ablate_gate_groups(sample.study, sample.row, sample.output)
    values = result.shapley[choose("Target", of, gate_shapley.TARGETS)]
    low = values
    high = values
    if of == gate_shapley.DECISION:
        low = values - bootstrap.NORMAL * result.errors
        high = values + bootstrap.NORMAL * result.errors
    elif of == gate_shapley.LOSS:
        low, high = (np.array([getattr(i, end) for i in result.losses]) for end in ("low", "high"))
    whole = len(sample.dataset.rows("test"))
    spread = {
        gate_shapley.DECISION: f"Bars: 95% range of shot noise at {result.shots:,} shots per coalition; the values "
        "themselves are exact.",
        gate_shapley.LOSS: f"Mean over {describe_drawn(result.rows, whole, 'test sample')}, with a 95% "
        "bootstrap interval for each group.",
        gate_shapley.ENTANGLEMENT: "Exact.",
    }
    figure = model_charts.interval_dots(
        [group.title for group in result.groups],
        {of: np.stack([values, low, high], 1)},
        hues=[style.GREY if group.kind != "fusion" else style.BLUE for group in result.groups],
        x_title=GROUP_UNITS[of].format(sample.unit),
    )
    shows = (
        "the Shapley value of every gate group over all coalitions of groups, with groups outside "
        f"replaced by the identity: together {result.whole[of] - result.empty[of]:+z.2f}, from "
        f"{result.empty[of]:z.2f} without any to {result.whole[of]:z.2f}. {spread[of]}"
        + cite_sample(sample)
    )
    alt = (
        rules.list_numbers(
            [text.escape_markdown(group.title) for group in result.groups], values, "+.2f"
        )
        + "."
    )
    return View(
        name=f"gate-groups-{of}",
        title=capitalise(describe_gate_groups(result, of, text.escape_markdown, sample.quantity)),
        figure=figure,
        caption=shows,
        limits="A network trained without a group may do better: the others were trained together with it.",
        alternative=alt,
        table=result.frame,
    )


def smallest_generator(study: Study) -> View:
    """Draw how much of the generator's gain remains as terms are removed one by one, for models that evolve."""
    result = patching.prune_terms(study)
    short = metrics.LABELS[result.metric].short
    low = result.shares.low
    high = result.shares.high
    greedy = tuple(
        np.nan_to_num(result.shares.value if end is None else end)
        for end in (result.shares.value, low, high)
    )
    least = result.shown.value[0]
    most = result.shown.value[-1]
    floor = most - float(result.gain.value[0])
    scale = most - floor if most != floor else 1.0
    size = result.size
    tweak = str(result.tweak(result.size))
    by_gates = set(result.gated[::-1][:size])
    if by_gates == set(result.left(size)):
        gates = "keep the same"
    else:
        gates = (
            f"keep {listed([text.escape_markdown(key) for key in sorted(by_gates)])} of that size, with {short} "
            f"{result.by_gates[size]:.3f} against {result.shown.value[size]:.3f}"
        )
    figure = training_charts.banded_curves(
        np.arange(len(result.terms) + 1),
        {"L0 gates": ((result.by_gates - floor) / scale,) * 3, "greedy": greedy},
        hues={"greedy": style.BLUE, "L0 gates": style.ORANGE},
        x_title="terms left",
        y_title=f"share of what the generator adds to {short}",
        behind=np.maximum((result.random - floor) / scale, -1.0),
        behind_name="random orders",
        marks={"greedy": result.size},
    )
    shows = (
        f"{short} on {result.showing:,} test samples with fewer and fewer couplings (H) and dissipations (D), "
        f"from {most:.3f} with all to {least:.3f} with none, as a share of what all add to "
        f"{'that' if floor == least else f'one answer for all ({floor:.3f})'}. {result.choosing:,} validation samples "
        f"choose the order, and the size (dotted): the smallest with {generator_pruning.PART:.0%} of the best on "
        f"these. Band: 95% bootstrap; grey: {len(result.random)} random orders. Gates on all terms, learned at once "
        f"on the same samples (Louizos et al. 2018), {gates}. Tweak that leaves it: `{tweak or 'none'}`."
    )
    alt = f"Share by terms left: {rules.list_numbers(range(len(result.terms) + 1), result.shares.value, '.0%')}."
    return View(
        name="smallest",
        title=describe_pruning(result, text.escape_markdown),
        figure=figure,
        caption=shows,
        limits="Does not show the result of further training of the remaining terms, see `python -m qfusion why "
        "--smallest --retrain`; nor the best set of each size, which a greedy order may miss.",
        alternative=alt,
        table=result.frame,
    )


LENDER = params.SelectParam(
    "patch.lender",
    "State from",
    "The state of one sample is used.",
    "The sample whose state of a modality replaces that of this sample.",
    LENDERS,
    look="segments",
)
DONOR = params.SampleParam(
    "patch.from",
    "Source sample",
    "The nearest sample with another decision is used.",
    style={"width": 180},
)
PATCH = params.SelectParam(
    "patch.kind",
    "Correlation with the rest",
    "It stays.",
    "If correlations are removed too, a sample patched with itself changes.",
    meanings={"stays": PATCH_DEFAULT, "taken away": "product"},
    look="segments",
)
GROUPS_OF = params.SelectParam(
    "groups.of",
    "Gate groups of",
    "Those of the decision are shown.",
    "The quantity that is attributed to the blocks of the network.",
    gate_shapley.TARGETS,
    look="segments",
)
PIECES = {
    "patches": panel.Panel(
        state_patching,
        {"lender": LENDER, "donor": DONOR, "kind": PATCH},
        fits=needs(Evolution, where=lambda study: len(study.modalities) > 1),
    ),
    "smallest": panel.Panel(
        smallest_generator,
        fits=needs(Evolution, where=lambda study: study.model.has_evolution),
        scope="study",
    ),
    **{
        f"gate-groups-{of}": panel.Panel(
            gate_groups,
            fixed={"of": of},
            fits=needs(TruthTables),
            opens=GROUPS_OF.is_one_of(of),
        )
        for of in gate_shapley.TARGETS
    },
}
