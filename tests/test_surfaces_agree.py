"""Command line, notebook, report and pages show equal numbers of the same sample.

A surface is what a reader sees: each function below reads the numbers off one of them.
"""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from qfusion import report
from qfusion.models.protocols import Circuit
from qfusion.study import open_sample
from qfusion.study.sample import Sample
from qfusion.views.pages import rendering
from tests.support import page_visits
from tests.support.app import plain, said, visit
from tests.support.third_model import command

SAMPLE = "pair-0007"
PATHS = ("samples", "dynamics", "circuit", "what_if", "operators")
PRINTED = 6e-4  # numbers of the report have three digits after the point


@pytest.fixture(scope="module", params=["qj-parity", "qcnn-parity"])
def sample(request: pytest.FixtureRequest) -> Sample:
    """A decision of each system."""
    return open_sample(request.param, SAMPLE)


# Contributions by term, the baseline under "".


def terms_on_command_line(sample: Sample) -> dict[str, float]:
    return dict(record_on_command_line(sample)["dividends"])


def terms_in_notebook(sample: Sample) -> dict[str, float]:
    return terms_of_table(sample.show().numbers)


def terms_on_page(sample: Sample) -> dict[str, float]:
    shown = page_visits.visit(link("samples", sample)).tables["waterfall"]
    return terms_of_table(pd.read_csv(io.StringIO(shown)))


def terms_in_report(sample: Sample) -> dict[str, float]:
    table = report_text(sample).split("Contribution Δ(S)|")[1].split("|Shapley values, shares")[0]
    cells = table.split("|")
    rows = [cells[i : i + 3] for i in range(0, len(cells) - 2, 3)]
    return {
        "" if name.startswith("nothing") else name.replace(" + ", "+"): signed(value)
        for name, _, value in rows
    }


def terms_of_table(table: pd.DataFrame) -> dict[str, float]:
    names = ["" if term == "baseline" else str(term) for term in table["term"]]
    return dict(zip(names, table["dividend"].astype(float), strict=True))


def record_on_command_line(sample: Sample) -> dict[str, Any]:
    status, out, err = command("explain", "--model", sample.name, "--sample", sample.id, "--json")
    assert status == 0, err
    record: dict[str, Any] = json.loads(out)
    return record


def report_text(sample: Sample) -> str:
    """Returns the words of the report; cells and paragraphs are separated by bars."""
    page = report.sample(sample).render(".html").decode()
    page = re.sub(r"<(svg|script|style)[\s\S]*?</\1>", " ", page)
    return html.unescape(re.sub(r"\|[\s|]*", "|", re.sub(r"<[^>]+>", "|", page)))


def signed(printed: str) -> float:
    return float(printed.replace("−", "-"))


def link(path: str, sample: Sample) -> str:
    return f"/{path}?model={sample.name}&data={sample.dataset.name}&sample={sample.id}"


@pytest.mark.parametrize(
    "read",
    [terms_on_command_line, terms_in_notebook],
    ids=lambda read: read.__name__,
)
def test_programs_show_the_contributions_of_the_library(
    read: Callable[[Sample], dict[str, float]], sample: Sample
) -> None:
    assert read(sample) == pytest.approx(sample.dividends, abs=1e-9)


def test_page_and_report_show_the_contributions_of_the_library(sample: Sample) -> None:
    assert terms_on_page(sample) == pytest.approx(sample.dividends, abs=1e-9)
    assert terms_in_report(sample) == pytest.approx(sample.dividends, abs=PRINTED)


def test_verdict_is_the_same(sample: Sample) -> None:
    relation = sample.verdict.relation.value
    assert record_on_command_line(sample)["verdict"]["relation"] == relation


def test_counts_of_test_samples_are_the_same(sample: Sample) -> None:
    """The report counts as many as the page in every sentence, and `evaluate` measures as many."""
    whole = len(sample.dataset.rows("test"))
    counts = {
        int(number.replace(",", ""))
        for number in re.findall(r"([\d,]+) test samples", report_text(sample))
    }
    assert counts == {whole}
    words = plain(said(visit("Faithfulness", model=sample.name)))
    assert f"results on {whole:,} test samples" in words
    record = json.loads(command("evaluate", "--model", sample.name, "--json")[1])
    assert record["n"] == whole
    own = sample.study.split_metrics(sample.study.scores[sample.dataset.rows("test")])
    assert record["metrics"]["accuracy"] == pytest.approx(own["accuracy"])


def test_report_has_a_circuit_where_the_page_draws_one(sample: Sample) -> None:
    drawn = rendering.figure_names("circuit", {"model": [sample.name], "sample": [sample.id]})
    assert bool(drawn) == (sample.model.part(Circuit) is not None)
    text = report_text(sample)
    assert ("The circuit" in text) == bool(drawn)
    assert "None is drawn" not in text


@pytest.mark.parametrize("path", PATHS)
def test_panels_of_a_page_have_the_numbers_of_files_and_tools(path: str, sample: Sample) -> None:
    """`qfusion figure --link` draws what `render_panel` returns."""
    shown = page_visits.visit(link(path, sample))
    page, address = rendering.parse_link(shown.link)
    names = [name for name in rendering.figure_names(page, address) if name in shown.tables]
    assert names
    for name in names:
        if shown.tables[name].startswith("{"):
            continue  # a specification: a small figure without a table
        expected = rendering.render_panel(page, name, address).numbers
        found = pd.read_csv(io.StringIO(shown.tables[name]))
        for column in expected.select_dtypes("number"):
            if column in found:
                assert found[column].to_numpy() == pytest.approx(
                    expected[column].to_numpy(), abs=1e-9, nan_ok=True
                ), (name, column)
