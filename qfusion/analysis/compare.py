"""Two decisions side by side.

sides = compare_samples(open_sample("qj-planted", "p0031"), "qj-planted", "p0007", tweak="H.text=0.5")
"""

from dataclasses import dataclass

from qfusion.analysis import cohort_table
from qfusion.analysis.background_choice import with_background
from qfusion.analysis.opening import open_study
from qfusion.analysis.sample import Sample
from qfusion.explain import cohort_filters


@dataclass(frozen=True, eq=False)
class Sides:
    """Two decisions, A and B, each on a sample with its tweak and the explained output."""

    a: Sample
    b: Sample

    @property
    def labelled(self) -> dict[str, Sample]:
        """Both decisions, keyed by the letters "A" and "B"."""
        return {"A": self.a, "B": self.b}

    @property
    def same_target(self) -> bool:
        """Whether both explain the same output in the same unit."""
        mine, other = self.a.dataset.target, self.b.dataset.target
        return self.a.unit == self.b.unit and mine.kind == other.kind


def compare_samples(
    b: Sample, model: str, sample: str, data: str = "", *, tweak: str = "", members: str = ""
) -> Sides:
    """Return a decision, given by names, as A beside a decision B. A has the background of B, as far as A's data have
    it.

    The same output is explained where both models have the same classes, else A's own predicted class.

    Args:
        b: the other decision.
        model, sample, data, tweak: of A, as for `open_sample`.
        members: the cohort that B is compared with, where it is one, as for `open_sample`.

    Raises:
        NotFound, InvalidInput: when one of them does not exist or does not fit.
    """
    rows = None
    if members:
        rows = cohort_table.members(
            open_study(b.study.name, b.study.dataset.name),
            cohort_filters.parse_saved(members).parts,
        )
    study, behind = open_study(model, data), b.study.background
    fits = {
        "contrast": behind.label in study.dataset.ids,
        "cohort": rows is not None and study.dataset.digest == b.dataset.digest,
    }
    if fits.get(behind.kind, True):
        study = with_background(study, behind.kind, behind.label, rows)
    row = study.dataset.row(sample)
    if study.classes == b.study.classes:
        study, output = study.with_reference(b.study.reference), b.output
    else:
        output = int(study.predicted[row])
    return Sides(Sample(study, row, output, tweak), b)
