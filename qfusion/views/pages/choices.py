"""Choices that several views share, one object each, and the conditions under which models have them.

A view names a choice in its signature, as the type of a keyword argument: `t: Cursor = 1.0`. What only one view lets a
reader choose is defined beside that view. The kinds of choices are in `views.pages.params`.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from qfusion.explain import stability
from qfusion.models.protocols import Circuit, EditableCircuit, Evolution, TruthTables
from qfusion.models.tweak import DURATION, MAX_TEXT, Tweak, learned_values
from qfusion.study import jobs
from qfusion.study.sliders import STEPS
from qfusion.study.study import Study
from qfusion.views.pages.page_state import FACTORS, PageState, slider_tops
from qfusion.views.pages.params import (
    NumberParam,
    Param,
    SelectParam,
    TextParam,
    always,
    unknown_params,
)


def needs(*protocols: type, where: Callable[[Any], object] = always) -> Callable[..., bool]:
    """Return the condition that a sample's or study's model has some parts, and that `where` holds of the study.

    Args:
        protocols: of `models.protocols`.
        where: condition on the study.
    """

    def fits(scope: Any, **_: Any) -> bool:
        study = getattr(scope, "study", scope)
        return all(study.model.part(protocol) for protocol in protocols) and bool(where(study))

    return fits


# Conditions on a sample or study: whether its model reads features, evolves in time or has a circuit, and whether the
# truth of all samples is known.
reads_features = needs(where=lambda study: study.reads_features)
has_truth = needs(where=lambda study: study.has_truth)
TIMED = needs(Evolution)
HAS_CIRCUIT = needs(Circuit)

TERMS = SelectParam(
    "as",
    "Lower panel",
    "Contributions are shown.",
    "Contributions separate single modalities from joint terms. Shapley values split the joint "
    "terms among the modalities.",
    stability.TERM_KINDS,
    look="segments",
)
TermKind = Annotated[Literal["contributions", "Shapley values"], TERMS]

# of a view that is measured on samples drawn at random unless all are asked for
EVERYONE = SelectParam(
    "measured",
    "Samples in slow figures",
    "A random subset is used.",
    "Slow measures use samples drawn at random, the same each time, and say so. All samples are computed in the "
    "background while the page stays usable.",
    meanings={jobs.DRAWN: None, jobs.ALL: True},
    look="segments",
)
AllSamples = Annotated[bool, EVERYONE]

CURSOR = NumberParam(
    "t",
    "Time cursor (of T)",
    "The end of the evolution is shown.",
    default=1.0,
    fits=TIMED,
    style={"format": "percent"},
)
Cursor = Annotated[float, CURSOR]


def explained_output(view: PageState) -> str | None:
    """Return the output that the page explains; None where it is the decided class or the only one."""
    return view.output or None


ExplainedOutput = Annotated[str, explained_output]


def factors(study: Study) -> dict[str, NumberParam]:
    """Return the sliders of a model with time, by key: factors on couplings and dissipation, and the duration."""
    highest = slider_tops(study.model)
    return {
        key: NumberParam(
            key,
            key,
            f"{'T = ' if key == DURATION else ''}{value:g} is used.",
            high=highest[key],
            default=value,
            step=value / STEPS,
            look="slider",
            style={"format": "%.2f"},
        )
        for key, value in learned_values(study.model).items()
    }


def sliders(view: PageState, study: Study) -> list[Param]:
    """Return the parameters for the sliders that an address may contain. They include factors that this model does
    not have but the address names.
    """
    if not study.model.part(Evolution):
        return []
    known = factors(study)
    return [
        *known.values(),
        *unknown_params(
            view, FACTORS, known, lambda key, study, _: Tweak.of([(key, 1)], study.model)
        ),
    ]


EDITS = TextParam(
    "phi",
    "Edits as text",
    help="`element.outcome=angle` or `element:rule`, separated by commas; it is part of the link.",
    most=MAX_TEXT,
    fits=lambda study: (
        study.model.part(TruthTables) is not None or study.model.part(EditableCircuit) is not None
    ),
    style={"placeholder": "such as 0.11=3.14, 2:and or all:or"},
)
