"""Every page with a Lindblad system: alone, of one subsystem, and on a data set; in Streamlit's test runner."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import qutip as qt

from qfusion import data
from qfusion.plugins.systems.lindblad_model import lindblad_model
from qfusion.plugins.systems.lindblad_systems import open_lindblad, open_system, store_study
from qfusion.study import trust
from qfusion.study.opening import open_study
from qfusion.views.words import systems
from tests.support.app import FILES, plain, said, visit
from tests.support.third_model import PAGES

PATIENCE = 600  # seconds


@pytest.fixture(scope="module", autouse=True)
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Systems in the reader's folders: `chain` and `qubit` alone, `by-hand` on a few opinions."""
    folder = tmp_path_factory.mktemp("lindblad")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED", "CACHE"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        patch.setattr(trust, "INSIDE", 4)
        sm, Z, one = qt.sigmam(), qt.sigmaz(), qt.qeye(2)
        hop = qt.tensor(sm.dag(), sm)
        H = hop + hop.dag() + 0.5 * qt.tensor(one, Z)
        store_study(open_system(H, [(0.4 * sm, "B")], T=2.0, read=(qt.num(2), "B"), name="chain"))
        store_study(open_system(qt.sigmax(), [0.4 * sm], T=2.0, name="qubit"))
        planted = data.load("planted")
        few = planted.subset(
            np.concatenate([planted.rows(split)[:40] for split in ("train", "valid", "test")])
        )
        store_study(open_lindblad(by_hand(few.names), few, name="by-hand"))
        yield


def by_hand(names: tuple[str, ...]) -> object:
    def encode(x: dict[str, object]) -> dict[str, np.ndarray]:
        means = {n: (v[0].sum(1) if isinstance(v, tuple) else v).mean(1) for n, v in x.items()}
        angles = {n: np.tanh(mean) for n, mean in means.items()}
        return {n: np.stack([np.cos(a), 1j * np.sin(a)], 1) for n, a in angles.items()}

    X, Z, one = qt.sigmax(), qt.sigmaz(), qt.qeye(2)
    H = qt.tensor(X, X, one) + qt.tensor(one, Z, X)
    return lindblad_model(H, [(0.3 * qt.sigmam(), 1)], encode, qt.tensor(Z, one, Z), names=names)


@pytest.mark.parametrize(
    ("model", "samples"),
    [("chain", "chain-states"), ("qubit", "qubit-states"), ("by-hand", "planted-kets")],
)
def test_every_page_opens(model: str, samples: str) -> None:
    app = visit(PAGES[0], model=model, data=samples)
    for title in PAGES[1:]:
        app.switch_page(FILES[title]).run(timeout=PATIENCE)
        assert app.title[0].value == title
        for problems in (app.exception, app.error):
            assert not problems, (title, [problem.value for problem in problems])


def test_no_truth_or_training_is_claimed_of_a_system_alone() -> None:
    query = {"model": "chain", "data": "chain-states", "sample": "basis-10"}
    first_page = visit("Overview", **query)
    overview = plain(said(first_page))
    assert "truth unknown" in first_page.metric[0].label
    assert "No truth is known of these samples, so there are no test metrics." in overview
    study = open_study("chain")
    assert "operators that were given" in systems.describe_system(study)
    assert systems.describe_read_out(study.model) == "1 measurement vector on B alone"
    assert "Annotated value" not in overview
    dynamics = visit("Dynamics", **query)
    assert [metric.label for metric in dynamics.metric] == ["Score"]
    words = plain(said(dynamics))
    assert "The system as it was given." in words
    assert "learned H" not in words
    samples = visit("Samples", **query)
    columns = samples.dataframe[0].value.columns
    assert {"prediction", "state", "basis"} <= set(columns)
    assert not {"truth", "error"} & set(columns)
    cohorts = visit("Cohorts", **query)
    tables = [*cohorts.dataframe, *cohorts.table]
    assert all("mean error" not in str(table.value) for table in tables)
    (colour,) = (box for box in cohorts.selectbox if box.label == "Colour")
    assert colour.value == "prediction"


def test_sliders_change_the_value_as_qutip_does() -> None:
    query = {"model": "chain", "data": "chain-states", "sample": "basis-10"}
    app = visit("Dynamics", whole=False, **query, **{"H.A-B": "0.5"})
    sm, Z, one = qt.sigmam(), qt.sigmaz(), qt.qeye(2)
    hop = qt.tensor(sm.dag(), sm)
    H = 0.5 * (hop + hop.dag()) + 0.5 * qt.tensor(one, Z)
    L = [0.4 * qt.tensor(one, sm)]
    psi = qt.tensor(qt.basis(2, 1), qt.basis(2, 0))
    rho = qt.mesolve(H, psi, [0.0, 2.0], L).states[-1]
    shown = float(app.metric[0].value.replace("−", "-"))
    assert shown == pytest.approx(qt.expect(qt.tensor(one, qt.num(2)), rho), abs=1e-3)


def test_train_shows_the_way_by_operators() -> None:
    app = visit("Train", model="qj-planted", **{"train.import": "true"})
    app.session_state["_model.way"] = "QuTiP"
    app.run(timeout=PATIENCE)
    assert not app.exception
    assert any("model = lindblad_model(H" in shown.value for shown in app.code)
