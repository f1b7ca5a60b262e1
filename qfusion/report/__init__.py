"""Reports on one decision, as one HTML file and one PDF.

    from qfusion import report
    from qfusion.study.opening import open_sample
    one = report.sample(open_sample("qj-planted", "p0031"))
    one.html(), one.pdf()                         # bytes
    report.write(one, Path("report.pdf"))         # .html, .pdf, or a folder for both

Neither needs a network, and both are the same to the last byte each time.
"""

from pathlib import Path

from qfusion._checks import check
from qfusion._files import write_file
from qfusion._lazy import modules
from qfusion.errors import translate_import_errors

with translate_import_errors():
    from qfusion.report.document import Report
    from qfusion.report.sample_report import report_on_sample as sample

__all__ = ["SUFFIXES", "places", "sample", "write"]

SUFFIXES = (".html", ".pdf")
__getattr__ = modules(__name__, __path__)


def places(out: Path) -> list[Path]:
    """Return the files that a report is written to: `out` itself, or both in the folder `out`.

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
    """Write a report, each file whole or not at all, and return the files.

    Raises:
        InvalidInput: when a file cannot be written.
    """
    files = places(out)
    contents = [report.render(path.suffix.lower()) for path in files]
    if out not in files:
        out.mkdir(parents=True, exist_ok=True)
    for path, content in zip(files, contents, strict=True):
        write_file(path, content)
    return files
