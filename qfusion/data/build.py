"""From what a reader gave to a data set: staged, described, repaired as agreed, and checked.

All ways into a data set lead through here: an import (`importing`), the path of a file, and data of a Python session.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from qfusion.data import sample_content
from qfusion.data.data_set import DataSet
from qfusion.data.examine.repairs import make_repairs
from qfusion.data.examine.report import ExaminedSet, Report, build_report
from qfusion.data.modality_spec import Modality
from qfusion.data.raw import Raw
from qfusion.data.readers import formats
from qfusion.data.readers.session_contents import contents_by_row, name_one_hot
from qfusion.data.row_splits import video_clusters
from qfusion.data.staged_set import StagedSet, stage_set

_REMEDY = "Correct it, or import the file with `data import`, which offers repairs."
_SPLIT_CODES = frozenset({"no-split", "empty-split"})
_FEATURE_CODES = frozenset({"not-finite", "empty-modality", "target-leak"})
_DESCRIBED = ("columns", "left-out")  # findings that a description tells, beside warnings


def load_file(path: Path) -> DataSet:
    """Return the data set in a file, named by the file, as an import reads it.

    Where the file names no split, or none for validation, one is drawn, as the repair `make-split` does.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or an import would ask for other repairs.
    """
    with formats.translate_reading([path]):
        raw = formats.read_files([path])
        return build_set(raw, path.stem, source=f"the file {path.name}")


def build_set(raw: Raw, name: str, *, source: str, for_model: bool = False) -> DataSet:
    """Return the data set of samples that were read, its arrays in memory, and warn of what its report warns of.

    Args:
        raw: the samples.
        name: of the set.
        source: where they come from.
        for_model: whether a model is at hand that takes the features as they are, so that they stay, with a warning,
            where values are NaN, none ever changes, or one gives the target away.

    Raises:
        InvalidInput: when an import would ask for repairs other than a split.
    """
    staged = stage_set(raw, None)
    examined = ExaminedSet(staged, build_report(staged))
    accepted = _accepted_codes(examined.report) if for_model else frozenset()
    how = "Split as the file says"
    if _lacks_split(staged):
        _require_no_errors(examined, accepted | _SPLIT_CODES)
        examined = make_repairs(examined, ["make-split"], None)
        how = examined.staged.done[-1].replace("make-split", "Split at random")
    _require_no_errors(examined, accepted)
    notes = []
    for finding in examined.report.findings:
        where = f"{finding.where}: " if finding.where else ""
        if finding.severity != "note":
            warnings.warn(f"{raw.title}: {where}{finding.words}", stacklevel=3)
        if finding.severity != "note" or finding.code in _DESCRIBED:
            notes.append(f"{where}{finding.words}")
    return make_data_set(
        examined.staged,
        name,
        title=raw.title if raw.title != raw.kind else name,
        description=" ".join([f"{describe_samples(examined.staged)} {how}.", *notes]),
        source=source,
        licence="",
        contents=raw.contents,
    )


def make_data_set(
    staged: StagedSet,
    name: str,
    *,
    rates: Mapping[str, float] | None = None,
    contents: Mapping[str, Sequence[Any]] | None = None,
    **described: Any,
) -> DataSet:
    """Return a staged set without errors as a data set.

    Args:
        staged: the set.
        name: to load it by.
        rates: steps a second of sequences, by modality.
        contents: what is shown of each sample, by modality, beside pictures and texts; None for a set that is stored,
            whose reader finds them.
        described: title, description, source, licence and, of a set whose values were checked, `recorded`.
    """
    index = pd.Index(staged.ids.tolist())
    table = (
        staged.columns.set_axis(index) if len(staged.columns.columns) else pd.DataFrame(index=index)
    )
    modalities = [
        Modality(
            part.name,
            part.values,
            part.lengths,
            part.feature_names,
            part.picture,
            rate=(rates or {}).get(part.name),
            checked=True,
            given=part.given,
        )
        for part in staged.parts
    ]
    content_of: Callable[[int], dict[str, sample_content.Content]] = sample_content.no_content
    if contents is not None:
        content_of = _content_by_row(contents, modalities, table)
        modalities = [
            name_one_hot(part, contents[part.name]) if part.name in contents else part
            for part in modalities
        ]
    unimodal = pd.DataFrame(staged.unimodal, index=index) if staged.unimodal else None
    return DataSet(
        name=name,
        modalities=tuple(modalities),
        target=staged.build_target(),
        y=staged.y,
        ids=staged.ids,
        split=staged.split,
        table=table,
        content_of=content_of,
        unimodal=unimodal,
        clusters=staged.clusters or video_clusters(staged.ids),
        **described,
    )


def _content_by_row(
    contents: Mapping[str, Sequence[Any]], modalities: Sequence[Modality], table: pd.DataFrame
) -> Callable[[int], dict[str, sample_content.Content]]:
    """Return what shows the content of a row: what is given, pictures, and the text of the table."""
    drawn = contents_by_row(contents, modalities, len(table))

    def content_of(row: int) -> dict[str, sample_content.Content]:
        content = drawn(row)
        if "text" in table.columns:
            content.setdefault("text", sample_content.Text(str(table["text"].iloc[row])))
        return content

    return content_of


def describe_samples(staged: StagedSet) -> str:
    """Return a sentence on the samples, the files that they come from and the modalities."""
    sizes = []
    for part in staged.parts:
        kind = ", sequences" if part.lengths is not None else ""
        sizes.append(f"{part.name} ({part.shape[-1]} features{kind})")
    where = staged.title if staged.title == staged.kind else f"{staged.kind} {staged.title}"
    return f"{len(staged):,} samples, imported from {where}: {', '.join(sizes)}."


def _require_no_errors(examined: ExaminedSet, accepted: frozenset[str]) -> None:
    """Raise InvalidInput with the first error whose code is not accepted, if there is one."""
    findings = [finding for finding in examined.report.findings if finding.code not in accepted]
    report = replace(examined.report, findings=findings)
    report.require_no_errors(f"`{examined.staged.title}` cannot be used as it is", _REMEDY)


def _accepted_codes(report: Report) -> frozenset[str]:
    """Return the codes of errors that leave features as they are, which a model may take."""
    is_infinite = any(scan.infinite.any() for scan in report.scans.values())
    return _FEATURE_CODES - {"not-finite"} if is_infinite else _FEATURE_CODES


def _lacks_split(staged: StagedSet) -> bool:
    """Whether there is no split, or only its validation part is missing."""
    parts = set(staged.split.tolist()) - {""}
    return not parts or parts == {"train", "test"}
