"""Many figures in a zip: all panels of a page, or one panel for every sample of a cohort, with a manifest."""

import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any

from qfusion import __version__
from qfusion._checks import check
from qfusion.analysis import cohort_table, outputs, text
from qfusion.errors import QFusionError
from qfusion.explain import cohort_filters
from qfusion.figures import missing_letters
from qfusion.figures.export_style import ExportStyle
from qfusion.panels.pages import open_page, scope_name
from qfusion.panels.rendering import figure_names, render_panel
from qfusion.panels.reproduction import save_panel
from qfusion.panels.scopes import drop_empty, open_scope

MAX_FILES = 200
DEFAULT_FILES = 50
MAX_BYTES = 300_000_000
SAMPLE_SCOPES = ("sample", "sides", "levels")  # scopes that differ from sample to sample
WriteStep = tuple[int, int, str]  # figures written, figures in all, name of the next
_DATE = (1980, 1, 1, 0, 0, 0)  # of every file, so that the same figures make the same archive


@dataclass(frozen=True)
class FigureJob:
    """A figure to be written.

    Attributes:
        name: of its file, without an ending.
        page: title of its page, in lower case.
        panel: name of its panel.
        address: of the page, values by name.
        sample: id of the sample, where the archive has one figure a sample.
    """

    name: str
    page: str
    panel: str
    address: Mapping[str, Sequence[str]]
    sample: str = ""


def write_zip(
    jobs: Sequence[FigureJob],
    style: ExportStyle,
    out: IO[bytes],
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Write figures, the numbers of each and a manifest with their recipes as a zip archive.

    Args:
        jobs: from `jobs_of_page` or `jobs_of_cohort`, at most `MAX_FILES`.
        style: of all figures.
        out: an open file.
        progress: called before each figure with the arguments of a `WriteStep`. An exception that it raises ends the
            writing.

    Returns:
        The manifest. A figure that cannot be drawn in this style is listed there with the reason.

    Raises:
        InvalidInput: when there are no jobs, too many, too many bytes, or no figure can be drawn.
    """
    steps = zip_steps(jobs, style, out)
    while True:
        try:
            done, count, name = next(steps)
        except StopIteration as end:
            return end.value
        if progress:
            progress(done, count, name)


def zip_steps(
    jobs: Sequence[FigureJob], style: ExportStyle, out: IO[bytes]
) -> Generator[WriteStep, None, dict[str, Any]]:
    """Write an archive as `write_zip` does, figure by figure.

    Yields:
        A `WriteStep` before each figure.

    Returns:
        The manifest.
    """
    check(
        0 < len(jobs) <= MAX_FILES,
        f"There are {len(jobs)} figures, and 1 to {MAX_FILES} can be written at once. Choose others.",
    )
    entries: list[dict[str, Any]] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        written = 0
        for place, job in enumerate(jobs):
            yield place, len(jobs), job.sample or job.panel
            entry, files = _render(job, style)
            entries.append(entry)
            written += len(next(iter(files.values()), b""))
            check(
                written <= MAX_BYTES,
                f"The figures together have more than {MAX_BYTES // 10**6:,} MB. Choose fewer, or another format.",
            )
            for name, content in files.items():
                _add(archive, name, content)
        check(
            any("file" in entry for entry in entries),
            f"None of the figures can be drawn so: {entries[0].get('error', '')}",
        )
        manifest = {
            "kind": "qfusion figures",
            "version": 1,
            "qfusion": __version__,
            "look": style.as_dict(),
            "figures": entries,
        }
        _add(archive, "manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest


def _render(job: FigureJob, style: ExportStyle) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest's entry of a figure, and its files by name: the figure first, then its numbers.

    There are no files where the figure cannot be drawn in this style; the entry then has the reason.
    """
    entry: dict[str, Any] = drop_empty({"page": job.page, "panel": job.panel, "sample": job.sample})
    try:
        panel = render_panel(job.page, job.panel, job.address)
        recipe = replace(panel.recipe, style=style)
        figure, letters = missing_letters.write_with_remark(
            partial(save_panel, panel, recipe), style.format
        )
    except QFusionError as error:
        return entry | {"error": str(error)}, {}
    figure_file = f"{job.name}.{style.format}"
    numbers_file = f"numbers/{job.name}.csv"
    entry |= {"file": figure_file, "numbers": numbers_file}
    if letters:
        entry["letters"] = letters
    entry |= {"title": panel.title, "recipe": json.loads(recipe.text())}
    return entry, {figure_file: figure, numbers_file: text.csv(panel.numbers)}


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)


def jobs_of_page(
    page: str, address: Mapping[str, Sequence[str]], panels: Sequence[str] = ()
) -> list[FigureJob]:
    """Return the figures that a page shows under an address.

    Args:
        page: its title.
        address: of the page, values by name.
        panels: names of the wanted panels; all if empty.

    Raises:
        InvalidInput, NotFound: as of `rendering.figure_names`.
    """
    names = [name for name in figure_names(page, address) if not panels or name in panels]
    return [
        FigureJob(f"{place:03d}-{file_name(name)}", page, name, address)
        for place, name in enumerate(names, 1)
    ]


def jobs_of_cohort(
    page: str,
    panel: str,
    address: Mapping[str, Sequence[str]],
    filter: str = "",
    most: int = DEFAULT_FILES,
) -> list[FigureJob]:
    """Return one figure for every sample of a cohort, in the order of the data set.

    Args:
        page, panel, address: as of `rendering.render_panel`.
        filter: of the cohort, such as "relation=conflict; error>1"; of the test split unless it names another split.
        most: the largest number of samples; the first ones are taken.

    Raises:
        InvalidInput: when the panel is the same for all samples, no sample passes, or `most` is out of range.
        NotFound: when there is no such page or panel, or the filter names something unknown.
    """
    check(
        isinstance(most, int) and 1 <= most <= MAX_FILES,
        f"Argument `most` must be a whole number from 1 to {MAX_FILES}, but is {str(most)[:20]!r}.",
    )
    result = open_page(page, address)
    check(
        scope_name(page, panel) in SAMPLE_SCOPES,
        f"Panel '{panel}' is not of a sample: it is the same for all. Export it alone.",
    )
    study = open_scope(result.view, "study")
    output = outputs.parse(result.view.output, study.classes)
    parts = cohort_filters.parse(filter)
    table = cohort_table.cohort_table_with_maps(
        study.with_reference(output.reference), output.number, parts
    )
    ids = [str(name) for name in table.index[cohort_filters.select_rows(parts, table)]]
    check(bool(ids), f"No sample passes the filter {filter[:80]!r}. Widen it.")
    given = result.view.address()
    jobs = []
    for place, name in enumerate(ids[:most], 1):
        file = f"{place:03d}-{file_name(panel)}-{file_name(name)}"
        jobs.append(FigureJob(file, result.view.page, panel, given | {"sample": [name]}, name))
    return jobs


def file_name(name: str, most: int = 60) -> str:
    """Return a name that every file system accepts: letters, digits, dots and dashes, not hidden, in no folder.

    Args:
        name: any text.
        most: the largest number of characters.
    """
    bare = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    bare = re.sub(r"[^A-Za-z0-9._-]+", "-", bare)
    bare = re.sub(r"\.{2,}", ".", bare)
    return bare.strip(".-_")[:most].strip(".-_") or "unnamed"
