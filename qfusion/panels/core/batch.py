"""Many figures at once as a zip: all panels of a page, or one panel for every sample of a cohort, with a manifest."""

from __future__ import annotations

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
from qfusion.analysis import text
from qfusion.analysis.cohort import cohort_measures
from qfusion.errors import QFusionError
from qfusion.explain import cohorts
from qfusion.figures import export
from qfusion.figures.export.style import ExportStyle
from qfusion.panels.core import headless, programs

KIND, VERSION = "qfusion figures", 1
MAX_FILES, USUAL = 200, 50
MAX_BYTES = 300_000_000
_DAY = (1980, 1, 1, 0, 0, 0)  # of every file: the same figures make the same zip
OF_SAMPLE = ("sample", "sides", "levels")
Step = tuple[int, int, str]  # so many are done, of how many, and which is next
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """A figure to be written: its file's name without ending, and what it is taken from."""

    name: str
    page: str
    panel: str
    address: Mapping[str, Sequence[str]]
    sample: str = ""


def safe(name: str, most: int = 60) -> str:
    """Returns what every file system takes of a name: letters, digits, dots, dashes; no folders, nothing hidden."""
    bare = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    return (
        re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", bare))
        .strip(".-_")[:most]
        .strip(".-_")
        or "unnamed"
    )


def of_page(
    page: str, address: Mapping[str, Sequence[str]], panels: Sequence[str] = ()
) -> list[Job]:
    """Returns the figures that a page shows under an address, or `panels` of them; errors are those of
    `headless.panels`."""
    known = headless.panels(page, address)
    return [
        Job(f"{place:03d}-{safe(name)}", page, name, address)
        for place, name in enumerate((name for name in known if not panels or name in panels), 1)
    ]


def of_cohort(
    page: str, panel: str, address: Mapping[str, Sequence[str]], filter: str = "", most: int = USUAL
) -> list[Job]:
    """Returns one panel for every sample of a cohort, in the order of the data set.

    Args:
        page, panel, address: as of `headless.take`.
        filter: of the cohort, such as "relation=conflict; error>1"; of the test split unless it says another.
        most: at most so many, the first ones.

    Raises:
        InvalidInput: when the panel is not of a sample, no sample passes, or `most` is out of range.
        NotFound: when there is no such page or panel, or the filter speaks of what is not there.
    """
    check(
        isinstance(most, int) and 1 <= most <= MAX_FILES,
        f"Argument `most` must be a whole number from 1 to {MAX_FILES}, but is {str(most)[:20]!r}.",
    )
    found = programs.opened(page, address)
    subject = programs.subject_of(page, panel)
    check(
        subject in OF_SAMPLE,
        f"Panel '{panel}' is not of a sample: it is the same for all. Export it alone.",
    )
    work = programs.open_subject(found.view, "work")
    rows = cohort_measures.cohort_table(work, None)
    ids = [str(name) for name in rows.index[cohorts.passing(cohorts.parse(filter), rows)]]
    check(bool(ids), f"No sample passes the filter {filter[:80]!r}. Widen it.")
    given = {key: found.view.all(key) for key in found.view.address}
    return [
        Job(
            f"{place:03d}-{safe(panel)}-{safe(name)}",
            found.view.page,
            panel,
            given | {"sample": [name]},
            name,
        )
        for place, name in enumerate(ids[:most], 1)
    ]


def write(
    jobs: Sequence[Job], style: ExportStyle, out: IO[bytes], progress: Progress | None = None
) -> dict[str, Any]:
    """Writes the figures, the numbers of each and a manifest with their recipes as a zip.

    Args:
        jobs: of `of_page` or `of_cohort`, at most `MAX_FILES`. style: of all.
        out: an open file. progress: is told before each figure; whatever it raises ends the writing.

    Returns:
        The manifest. A figure that cannot be drawn so is named there with its reason.

    Raises:
        InvalidInput: when there is nothing to write, too much, or none of it can be drawn.
    """
    taking = steps(jobs, style, out)
    while True:
        try:
            done, count, name = next(taking)
        except StopIteration as end:
            return end.value
        if progress:
            progress(done, count, name)


def steps(
    jobs: Sequence[Job], style: ExportStyle, out: IO[bytes]
) -> Generator[Step, None, dict[str, Any]]:
    """`write` figure by figure: yields before each how many are done, of how many, and which is next; returns the
    manifest."""
    check(
        0 < len(jobs) <= MAX_FILES,
        f"There are {len(jobs)} figures, and 1 to {MAX_FILES} can be written at once. Choose others.",
    )
    entries: list[dict[str, Any]] = []
    written = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, content: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, _DAY), content, zipfile.ZIP_DEFLATED)

        for place, job in enumerate(jobs):
            yield place, len(jobs), job.sample or job.panel
            entry: dict[str, Any] = {"page": job.page, "panel": job.panel} | (
                {"sample": job.sample} if job.sample else {}
            )
            try:
                taken = headless.take(job.page, job.panel, job.address)
                recipe = replace(taken.recipe, style=style)
                content, letters = export.noticed(
                    partial(headless.save, taken, recipe), style.format
                )
            except QFusionError as error:
                entries.append(entry | {"error": str(error)})
                continue
            written += len(content)
            check(
                written <= MAX_BYTES,
                f"The figures together have more than {MAX_BYTES // 10**6:,} MB. Choose fewer, or another format.",
            )
            names = {"file": f"{job.name}.{style.format}", "numbers": f"numbers/{job.name}.csv"}
            add(names["file"], content)
            add(names["numbers"], text.csv(taken.numbers))
            names |= {"letters": letters} if letters else {}
            entries.append(
                entry | names | {"title": taken.title, "recipe": json.loads(recipe.text())}
            )
        done = [entry for entry in entries if "file" in entry]
        check(bool(done), f"None of the figures can be drawn so: {entries[0].get('error', '')}")
        manifest = {
            "kind": KIND,
            "version": VERSION,
            "qfusion": __version__,
            "look": style.as_dict(),
            "figures": entries,
        }
        add("manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest
