"""The panel of a device: below the noise of Circuit, once a reader looks at it."""

from __future__ import annotations

import pytest

from qfusion.errors import InvalidInput
from qfusion.study.opening import open_study
from qfusion.views.pages import catalogue
from tests.support.app import plain, said, visit

ADDRESS = {"model": "qcnn-parity", "data": "parity", "part": "Noise and shots"}


@pytest.fixture(autouse=True)
def devices() -> None:
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    pytest.importorskip("qiskit_ibm_runtime", reason="needs the extra `devices`")


def test_a_device_is_chosen_below_the_noise() -> None:
    app = visit("Circuit", **ADDRESS)
    assert not app.error
    assert "Without a device the log-odds" in plain(said(app))
    assert app.selectbox(key="noise.device").value == "none"


def test_the_panel_shows_the_score_on_the_device() -> None:
    sample = open_study("qcnn-parity").opening_sample
    address = {**ADDRESS, "sample": sample, "noise.device": "FakeGuadalupeV2"}
    picture = catalogue.build_panel("circuit", "device-terms", address)
    table = picture.numbers
    assert picture.title.startswith("On FakeGuadalupeV2")
    assert "two-qubit gates" in picture.caption
    assert (table["low"] <= table["high"]).all()
    with pytest.raises(InvalidInput, match="Argument `device`"):
        catalogue.build_panel("circuit", "device-terms", {**address, "noise.device": "FakeManilla"})
