"""The report on an imported set: sizes, target and findings.

Nothing is changed here. The values are read once, in pieces.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qfusion.data.examine import findings as import_findings
from qfusion.data.examine.scans import Scan, scan_part
from qfusion.data.raw import SEVERITIES, Finding
from qfusion.data.row_splits import SPLITS
from qfusion.data.staged_set import StagedSet
from qfusion.errors import InvalidInput

# Called with the number of finished steps, their total, and a description of the next one.
Progress = Callable[[int, int, str], None]


def no_progress(done: int, total: int, words: str) -> None:
    """Ignore all reports of progress."""


@dataclass(eq=False)
class Report:
    """Sizes and findings.

    Attributes:
        samples: their number.
        splits: numbers of samples, by part.
        modalities: of each its name, shape, and whether it holds sequences.
        target: name, kind, and either the number of samples by class and part, or range, mean and deviation.
        findings: the most severe first.
        scans: statistics of the values, by modality.
    """

    samples: int
    splits: dict[str, int]
    modalities: list[dict[str, Any]]
    target: dict[str, Any]
    findings: list[Finding]
    scans: dict[str, Scan] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        """The findings that forbid to store the set."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def repairs(self) -> list[str]:
        """Names of the available repairs, each once."""
        return _offered_repairs(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {
            "samples": self.samples,
            "splits": self.splits,
            "modalities": self.modalities,
            "target": self.target,
            "findings": [finding.as_dict() for finding in self.findings],
            "repairs": self.repairs,
            "can_be_kept": not self.errors,
        }

    def require_no_errors(
        self, what: str = "The set cannot be imported as it is", remedy: str = ""
    ) -> None:
        """Raise InvalidInput with the first error, the number of others and a remedy, if there are errors.

        Args:
            what: the begin of the message.
            remedy: its last sentence; the repairs on offer by default.
        """
        if not self.errors:
            return
        first = self.errors[0]
        where = f"{first.where}: " if first.where else ""
        more = len(self.errors) - 1
        others = f" ({more} more errors in the report.)" if more else ""
        repairs = _offered_repairs(self.errors)
        if not remedy and repairs:
            remedy = f"Repairs that you can agree to: {', '.join(repairs)}."
        raise InvalidInput(f"{what}: {where}{first.words}{others} {remedy or 'Correct the file.'}")


@dataclass(eq=False)
class ExaminedSet:
    """A set that was read, and the report on it; its files are in `staged.folder` until it is stored or discarded."""

    staged: StagedSet
    report: Report


def build_report(staged: StagedSet, progress: Progress = no_progress) -> Report:
    """Return the report on a set.

    Args:
        staged: the set as it was read.
        progress: called with the number of modalities read, their total, and a text with the next one's name.
    """
    scans = {}
    for number, part in enumerate(staged.parts):
        progress(number, len(staged.parts), f"examining {part.name}")
        scans[part.name] = scan_part(part)
    findings = [*staged.findings, *import_findings.find_all(staged, scans)]
    return Report(
        samples=len(staged),
        splits={part: int((staged.split == part).sum()) for part in SPLITS},
        modalities=[
            {"name": part.name, "shape": list(part.shape), "sequence": part.lengths is not None}
            for part in staged.parts
        ],
        target=_describe_target(staged),
        findings=sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)),
        scans=scans,
    )


def _offered_repairs(findings: list[Finding]) -> list[str]:
    return list(dict.fromkeys(name for finding in findings for name in finding.repairs))


def _describe_target(staged: StagedSet) -> dict[str, Any]:
    """Name, kind, and either numbers of samples by class and part, or range, mean and deviation."""
    has_target = ~staged.missing
    y = staged.y[has_target]
    if not staged.classes:
        statistics: dict[str, float | None] = dict.fromkeys(("low", "high", "mean", "deviation"))
        if len(y):
            statistics = {
                "low": float(y.min()),
                "high": float(y.max()),
                "mean": float(y.mean()),
                "deviation": float(y.std()),
            }
        return {
            "name": staged.target,
            "kind": "regression",
            "range": staged.bounds,
            "convention": staged.convention,
            **statistics,
        }
    split = staged.split[has_target]
    size = len(staged.classes)
    return {
        "name": staged.target,
        "kind": "classification",
        "classes": list(staged.classes),
        "convention": "classes",
        "counts": {part: np.bincount(y[split == part], minlength=size).tolist() for part in SPLITS},
        "samples": np.bincount(y, minlength=size).tolist(),
    }
