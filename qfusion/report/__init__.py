"""Reports: everything there is to say about one decision, or a cohort of them, in one HTML file and one PDF.

    from qfusion import report
    from qfusion.analysis.sample import open_sample
    found = report.sample(open_sample("qj-planted", "p0031"))
    found.html(), found.pdf()                       # bytes
    report.write(found, Path("report.pdf"))         # .html, .pdf, or a folder for both

Neither needs a network, and both are the same to the last byte each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qfusion._checks import check
from qfusion._files import atomic

if TYPE_CHECKING:
    from qfusion.analysis.sample import Sample
    from qfusion.report.about_cohort import Members
    from qfusion.report.blocks import Document

SUFFIXES = (".html", ".pdf")


@dataclass(frozen=True, eq=False)
class Report:
    """A report, ready to be written."""

    document: Document

    def html(self) -> bytes:
        """Returns it as one self-contained HTML file."""
        from qfusion.report import paper

        return paper.as_html(self.document)

    def pdf(self) -> bytes:
        """Returns it as a PDF.

        Raises:
            QFusionError: when it cannot be typeset.
        """
        from qfusion.report import paper

        return paper.as_pdf(self.document)

    def unsaid(self) -> str:
        """Returns a line on the letters that no font of this machine has, as the PDF says at its foot; empty where each
        has one."""
        from qfusion.report import paper

        return paper.notice(self.document)

    def written(self, suffix: str) -> bytes:
        """Returns it as the file of an ending, .html or .pdf."""
        return self.pdf() if suffix == ".pdf" else self.html()


def sample(sample: Sample) -> Report:
    """Returns the report on one sample."""
    from qfusion.report import about_sample

    return Report(about_sample.document(sample))


def cohort(members: Members) -> Report:
    """Returns the report on a cohort."""
    from qfusion.report import about_cohort

    return Report(about_cohort.document(members))


def places(out: Path) -> list[Path]:
    """Returns the files that a report is written to: `out` itself, or both in the folder `out`.

    Raises:
        InvalidInput: when the ending is another one.
    """
    if out.suffix == "" or out.is_dir():
        return [out / f"report{suffix}" for suffix in SUFFIXES]
    check(
        out.suffix.lower() in SUFFIXES,
        f"Argument `--out` must end in {' or '.join(SUFFIXES)}, or be a folder, but is {out.name!r}. Choose one of "
        "these.",
    )
    return [out]


def write(report: Report, out: Path) -> list[Path]:
    """Writes a report, each file whole or not at all, and returns the files.

    Raises:
        InvalidInput: when a file cannot be written.
    """
    files = places(out)
    done = {path: report.written(path.suffix.lower()) for path in files}
    if out not in files:
        out.mkdir(parents=True, exist_ok=True)
    for path, data in done.items():
        with atomic(path) as part:
            part.write_bytes(data)
    return files
