"""Command line, notebook, report and pages show the same of a sample: verdict, circuit and the panels of a page.

That their numbers are equal is tested in test_one_number.py.
"""

from __future__ import annotations

import io

import pandas as pd
import pytest

from qfusion.models.protocols import Circuit
from qfusion.study import open_sample
from qfusion.study.sample import Sample
from qfusion.views.pages import rendering
from tests.support import page_visits
from tests.support.surfaces import link, record_on_command_line, report_text

SAMPLE = "pair-0007"
PATHS = ("samples", "dynamics", "circuit", "what_if", "operators")


@pytest.fixture(scope="module", params=["qj-parity", "qcnn-parity"])
def sample(request: pytest.FixtureRequest) -> Sample:
    """A decision of each system."""
    return open_sample(request.param, SAMPLE)


def test_verdict_is_the_same(sample: Sample) -> None:
    relation = sample.verdict.relation.value
    assert record_on_command_line(sample)["verdict"]["relation"] == relation


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
