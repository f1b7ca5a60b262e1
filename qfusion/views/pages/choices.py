"""Choices that several views share, one object each, and the conditions under which models have them.

A view names a choice in its signature, as the type of a keyword argument: `t: Cursor = 1.0`. What only one view lets a
reader choose is defined beside that view. The kinds of choices are in `views.pages.params`.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from qfusion.explain import stability
from qfusion.models.protocols import Circuit, Evolution
from qfusion.study import jobs
from qfusion.views.pages.page_state import PageState
from qfusion.views.pages.params import NumberParam, SelectParam, always


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
    "Samples of slow figures",
    "A random subset is used.",
    "Slow measures use samples drawn at random, the same each time, and say so. All samples are computed in the "
    "background while the page stays usable.",
    meanings={jobs.DRAWN: None, jobs.ALL: True},
    look="segments",
)
Everyone = Annotated[bool, EVERYONE]

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
