"""Every panel of Why fuse, and those that it adds to other pages, of each kind of model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qfusion.views.pages import rendering
from tests.plugins.why import support
from tests.support import exporting
from tests.support.app import plain, said, visit

NETWORK, OF_CLASSES = exporting.NETWORK, exporting.OF_CLASSES
ADDRESSES = {
    f"/why_fuse?{NETWORK}": {"why-loss", "why-emap", "why-ranking"},
    f"/why_fuse?{OF_CLASSES}&why=The%20data": {"needs-bits", "needs-worth"},
    f"/why_fuse?{OF_CLASSES}&why=The+quantum+part": {"why-audit", "why-cut"},
    f"/why_fuse?{OF_CLASSES}&why=Which+piece": {"patches", "smallest"},
    f"/why_fuse?{NETWORK}&why=Which+piece&groups.of=loss": {"gate-groups-loss"},
    "/data?set=parity&data.need=true": {"needs-bits", "needs-worth"},
    f"/dynamics?{exporting.JUMP}": {"cut", "cut-terms"},
    f"/cohorts?{OF_CLASSES}&cohorts.view=Correlation%20cuts&cuts=true": {"cut-test"},
}


@pytest.fixture(scope="module", autouse=True)
def few_rows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        support.few_rows(patch)
        yield


@pytest.mark.parametrize("address", ADDRESSES)
def test_panels_are_drawn_from_their_links(address: str) -> None:
    page, query = rendering.parse_link("http://here" + address)
    names = set(rendering.figure_names(page, query))
    assert names >= ADDRESSES[address]
    for name in ADDRESSES[address]:
        panel = rendering.render_panel(page, name, query)
        assert panel.caption.startswith("Shows ")
        assert panel.figure.data


@pytest.mark.parametrize("model", ["qj-parity", "qcnn-parity"])
@pytest.mark.parametrize("view", ["The model", "The quantum part", "Which piece"])
def test_the_page_opens_for_each_system(model: str, view: str) -> None:
    app = visit("Why fuse", model=model, why=view)
    assert not app.error
    assert not app.warning
    assert "**Shows**" in plain(said(app))


def test_the_data_page_tests_the_need_for_fusion() -> None:
    app = visit("Data", set="parity")
    assert not app.error
    assert "Trains small models" in plain(said(app))
