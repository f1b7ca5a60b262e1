"""What a reader sees of a sample on each surface: pages, command line, report."""

from __future__ import annotations

import html
import io
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from qfusion import report
from qfusion.study.sample import Sample
from tests.support import page_visits
from tests.support.app import plain, said
from tests.support.third_model import command

# Decisions of each system whose numbers are read from all surfaces.
SAMPLES = [("qj-planted", "p2924"), ("qcnn-digits", "digit-1571")]


def link(path: str, sample: Sample) -> str:
    """Returns the link of a page about a sample."""
    return f"/{path}?model={sample.name}&data={sample.dataset.name}&sample={sample.id}"


def record_on_command_line(sample: Sample) -> dict[str, Any]:
    """Returns what `qfusion explain --json` prints of a sample."""
    return dict(print_json("explain", "--model", sample.name, "--sample", sample.id))


def print_json(*words: str) -> Any:
    """Returns what a command prints as JSON."""
    status, out, err = command(*words, "--json")
    assert status == 0, err
    return json.loads(out)


def report_text(sample: Sample) -> str:
    """Returns the words of the report; cells and paragraphs are separated by bars."""
    page = report.sample(sample).render(".html").decode()
    page = re.sub(r"<(svg|script|style)[\s\S]*?</\1>", " ", page)
    return html.unescape(re.sub(r"\|[\s|]*", "|", re.sub(r"<[^>]+>", "|", page)))


@dataclass(frozen=True)
class Surfaces:
    """The surfaces that show a sample; each is opened once."""

    sample: Sample
    folder: Path

    @cached_property
    def record(self) -> dict[str, Any]:
        """What `qfusion explain --json` prints."""
        return record_on_command_line(self.sample)

    @cached_property
    def measured(self) -> dict[str, Any]:
        """What `qfusion evaluate --json` prints."""
        return dict(print_json("evaluate", "--model", self.sample.name))

    @cached_property
    def listed(self) -> dict[str, Any]:
        """What `qfusion models --json` prints of the model."""
        return next(card for card in print_json("models") if card["name"] == self.sample.name)

    @cached_property
    def split(self) -> pd.DataFrame:
        """What `qfusion explain --split test --out FILE` writes."""
        return self._written("split.csv", "explain", "--split", "test")

    @cached_property
    def track(self) -> pd.DataFrame:
        """What `qfusion track --out FILE` writes."""
        return self._written("track.csv", "track", "--sample", self.sample.id)

    @cached_property
    def report(self) -> str:
        """The words of the report, see `report_text`."""
        return report_text(self.sample)

    @cached_property
    def _pages(self) -> dict[str, page_visits.Page]:
        return {}

    def page(self, path: str) -> page_visits.Page:
        """Returns a page about the sample, the Overview under ""."""
        if path not in self._pages:
            self._pages[path] = page_visits.visit(link(path, self.sample))
        return self._pages[path]

    def words(self, path: str) -> str:
        """Returns all words of a page, without those of its widgets."""
        return plain(said(self.page(path).app))

    def table(self, path: str, panel: str) -> pd.DataFrame:
        """Returns the numbers under a panel of a page."""
        return pd.read_csv(io.StringIO(self.page(path).tables[panel]))

    def tile(self, path: str, label: str) -> str:
        """Returns the number of a tile of a page whose label has some words."""
        tiles = {plain(tile.label): plain(tile.value) for tile in self.page(path).app.metric}
        return next(value for name, value in tiles.items() if label in name)

    def row(self, path: str, label: str) -> list[str]:
        """Returns the cells of a row of a table that stands on a page as text."""
        line = re.search(rf"(?m)^\| {re.escape(label)} \|(.*)\|$", self.words(path))
        assert line, (path, label)
        return [cell.strip() for cell in line.group(1).split("|")]

    def _written(self, name: str, verb: str, *words: str) -> pd.DataFrame:
        file = self.folder / name
        status, _, err = command(verb, "--model", self.sample.name, *words, "--out", str(file))
        assert status == 0, err
        return pd.read_csv(file)
