"""The report on an imported set: sizes, target and findings.

Nothing is changed here. The values are read once, in chunks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion.data.examine import findings as import_findings
from qfusion.data.examine.value_scans import Scan, scan_part
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
        """Names of the available repairs, each once, those of errors first."""
        return list(dict.fromkeys([name for finding in self.findings for name in finding.repairs]))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {
            "samples": self.samples,
            "splits": self.splits,
            "modalities": self.modalities,
            "target": self.target,
            "findings": list(map(Finding.as_dict, self.findings)),
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
        errors = self.errors
        if not errors:
            return
        first = errors[0]
        where = f"{first.where}: " if first.where else ""
        more = len(errors) - 1
        others = f" ({more} more errors in the report.)" if more else ""
        repairs = replace(self, findings=errors).repairs
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
    modalities = []
    for number, part in enumerate(staged.parts):
        progress(number, len(staged.parts), f"examining {part.name}")
        scans[part.name] = scan_part(part)
        modalities.append(
            {"name": part.name, "shape": list(part.shape), "sequence": part.lengths is not None}
        )
    findings = [*staged.findings, *import_findings.find_all(staged, scans)]
    by_part = pd.Series(staged.split).value_counts().reindex(list(SPLITS), fill_value=0)
    return Report(
        samples=len(staged),
        splits=by_part.to_dict(),
        modalities=modalities,
        target=_describe_target(staged),
        findings=sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)),
        scans=scans,
    )


def _describe_target(staged: StagedSet) -> dict[str, Any]:
    """Name, kind, and either numbers of samples by class and part, or range, mean and deviation."""
    has_target = ~staged.missing
    y = staged.y[has_target]
    described: dict[str, Any] = {"name": staged.target}
    if not staged.classes:
        statistics: list[float | None] = [None] * 4
        if len(y):
            statistics = [float(y.min()), float(y.max()), float(y.mean()), float(y.std())]
        return described | {
            "kind": "regression",
            "range": staged.bounds,
            "convention": staged.convention,
            **dict(zip(("low", "high", "mean", "deviation"), statistics, strict=True)),
        }
    split = staged.split[has_target]
    counts = {}
    for part in SPLITS:
        counts[part] = np.bincount(y[split == part], minlength=len(staged.classes)).tolist()
    return described | {
        "kind": "classification",
        "classes": list(staged.classes),
        "convention": "classes",
        "counts": counts,
        "samples": np.bincount(y, minlength=len(staged.classes)).tolist(),
    }
