"""Results that ship with the package equal computed ones, and are used for what they belong to alone."""

from __future__ import annotations

import inspect
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import data, explain, plugin
from qfusion._memory_cache import CACHE
from qfusion.errors import InvalidInput
from qfusion.explain import bootstrap, faithfulness, findings, stability
from qfusion.study import cache, opening, trust
from qfusion.study.study import Study
from qfusion.views.pages import address
from scripts import ship_results

MODELS = [path.stem for path in plugin.glob_assets("models", "*.json")]
RECORDS = cache.FOLDER
MODEL = "qj-parity"  # whose results are computed within a second
STUDENTS = "teach_students(0)"
AGREEMENT = cache.name_call("agreement", ())
RELATIVE = 1e-4  # difference of numbers between machines
NEAR = 1e-6  # of numbers that are zero
SINGULAR = 12.0  # log10 of a resolvent at an eigenvalue, where rounding alone keeps it finite


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    """A shipped model with its data."""
    if not ship_results.has_data(request.param):
        pytest.skip("its data are not on this machine")
    return str(request.param)


def study_of(name: str = MODEL) -> Study:
    """A study that shares no results with others."""
    card = opening.load_checkpoint(name)
    dataset = data.load(address.own_data(name))
    return opening.build_study(name, card.card, card.model, dataset)


@pytest.mark.parametrize("name", ship_results.EXPLAINED)
def test_shipped_explanations_equal_computed_ones(name: str) -> None:
    if not ship_results.has_data(name):
        pytest.skip("its data are not on this machine")
    study = study_of(name)
    shipped = cache.find_values(study)
    assert shipped is not None, "ship it again: python scripts/ship_results.py"
    rows = study.explained_rows
    some = np.arange(0, len(rows), 97)
    computed = explain.explain(
        study.model, study.inputs(rows[some]), study.explanation_background
    ).values
    assert np.abs(shipped[some] - computed).max() < NEAR
    assert (study.explanation.values == shipped).all()
    other_card = dict(study.card) | {"weights_sha256": "0" * 64}
    assert cache.find_values(replace(study, card=other_card)) is None
    with cache.computed_anew():
        assert cache.find_values(study) is None


def read_record(name: str) -> dict[str, Any]:
    return json.loads(plugin.find_asset(RECORDS, f"{name}.json").read_text())


def find_agreement(study: Study) -> Any:
    return cache.find_shipped("agreement", [study], trust.Agreement | None)


def assert_near(shipped: Any, computed: Any, at: str, near: float = NEAR) -> None:
    """All numbers are near, all else is equal. A share or mean of samples may count another one near a boundary."""
    if isinstance(computed, dict):
        assert list(shipped) == list(computed), at
        samples = computed.get("n") or computed.get("samples")
        near = 1 / samples if isinstance(samples, int) else NEAR
        for key, value in computed.items():
            assert_near(shipped[key], value, f"{at}.{key}", near)
    elif isinstance(computed, list | tuple):
        assert len(shipped) == len(computed), at
        for place, value in enumerate(computed):
            assert_near(shipped[place], value, f"{at}[{place}]")
    elif isinstance(computed, float) and math.isnan(computed):
        assert math.isnan(shipped), at
    elif ".resolvent[" in at and min(shipped, computed) > SINGULAR:
        return
    elif isinstance(computed, float):
        assert shipped == pytest.approx(computed, rel=RELATIVE, abs=near), at
    else:
        assert shipped == computed, at


def assert_students_agree(shipped: Any, computed: Any) -> None:
    """Students agree as often within the interval: the last bits of a score may choose another weight of a penalty."""
    assert list(shipped["arms"]) == list(computed["arms"])
    for name, arm in shipped["arms"].items():
        agreements = zip(arm["agreement"], computed["arms"][name]["agreement"], strict=True)
        for ours, theirs in agreements:
            assert ours["low"] < theirs["value"] < ours["high"], name


def test_every_shipped_model_has_current_results(model: str) -> None:
    study, record = study_of(model), read_record(model)
    again = f"run `python scripts/ship_results.py {model}`"
    assert record["key"] == cache.make_key(study), again
    calls = {
        cache.name_call(function.__name__, arguments)
        for function, arguments in ship_results.shipped_calls(study)
    }
    assert set(record["results"]) == calls, again


def test_shipped_results_equal_computed_ones(model: str) -> None:
    shipped = read_record(model)["results"]
    computed = {
        name: json.loads(json.dumps(cache.pack_result(result)))
        for name, result in ship_results.compute_results(study_of(model), quick=True).items()
    }
    students = computed.pop(STUDENTS, None)
    assert_near({name: shipped[name] for name in computed}, computed, model)
    if students is not None:
        assert_students_agree(shipped[STUDENTS], students)


def test_shipped_counts_are_whole_numbers() -> None:
    name = "qj-planted"
    packed = read_record(name)["results"]["find_truth()"]
    finding = cache.unpack_result(packed, findings.Finding)
    assert json.loads(json.dumps(cache.pack_result(finding))) == packed
    assert isinstance(finding.numbers["samples"], int)


def test_pages_explain_no_samples_for_shipped_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(study: Study) -> None:
        raise AssertionError("samples are explained")

    study = study_of()
    for function, _ in ship_results.shipped_calls(study):
        CACHE.clear(inspect.unwrap(function))
    monkeypatch.setattr(type(study.backend), "explain_rows", fail)
    assert trust.reliability_findings(study) == trust.reliability_findings(study, cached_only=True)
    assert not trust.is_comparison_missing(study)
    curves = trust.feature_curves(study, study.modalities[0])
    assert curves.deletion[0] == 0
    assert curves.random_deletion.shape == (5, len(curves.shares))


def test_results_of_other_inputs_are_computed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    study = study_of()
    assert find_agreement(study) is not None
    other_card = dict(study.card) | {"weights_sha256": "0" * 64}
    fewer, older = replace(study.dataset, title="Another title"), replace(study.dataset)
    object.__setattr__(older, "version", "parity 2")
    others = {
        "weights": replace(study, card=other_card),
        "data": study.with_data(fewer),
        "version": study.with_data(older),
        "name": replace(study, name="qj-scenes"),
        "background": study.with_background(study.background),
        "all rows": replace(study, uses_all_rows=True),
        "reference": replace(study, reference=0),
    }
    for what, other in others.items():
        assert find_agreement(other) is None, what
    find = cache.find_shipped
    assert find("agreement", [study, "other"], trust.Agreement | None) is None
    assert find("agreement", [study, np.ones(2)], trust.Agreement | None) is None
    assert find("agreement", ["qj-parity"], trust.Agreement | None) is None
    with cache.computed_anew():
        assert find_agreement(study) is None
    assert find_agreement(study) is not None
    with monkeypatch.context() as patch:
        patch.setitem(cache.VERSIONS, "agreement", 99)
        assert find_agreement(study) is None
    monkeypatch.setattr(stability, "FOLDER", tmp_path)  # verdicts depend on the training seeds
    assert find_agreement(study) is None


def encode(results: Any, **changes: Any) -> bytes:
    """A file with the key of the model."""
    record = {"key": read_record(MODEL)["key"], "results": results} | changes
    return json.dumps(record).encode()


def encode_agreement(**changes: Any) -> bytes:
    """A file with an agreement that has other values."""
    return encode({AGREEMENT: read_record(MODEL)["results"][AGREEMENT] | changes})


DAMAGES = {
    "empty": b"",
    "no text": b"\xff\xfe\x00",
    "cut": encode_agreement()[:-2],
    "list": b"[]",
    "deep": b"[" * 100_000,
    "large": b" " * cache.MAX_BYTES + encode_agreement(),
    "list of results": encode([]),
    "no results": encode(None),
    "no call": encode({}),
    "text for a number": encode_agreement(same="0.9"),
    "list for a number": encode_agreement(samples=[1]),
    "fraction of samples": encode_agreement(samples=1.5),
    "number for texts": encode_agreement(kinds=3),
    "missing field": encode({AGREEMENT: {"kinds": ["product"]}}),
    "text for a record": encode({AGREEMENT: "fine"}),
    "other key": encode(read_record(MODEL)["results"], key="0" * 64),
    "key is a list": encode(read_record(MODEL)["results"], key=[]),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_damaged_files_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    monkeypatch.setattr(cache, "FOLDER", tmp_path)
    file = tmp_path / f"{MODEL}.json"
    file.write_bytes(encode_agreement())
    assert find_agreement(study_of()) is not None
    file.write_bytes(DAMAGES[damage])
    assert find_agreement(study_of()) is None


@pytest.mark.parametrize(
    "values",
    [[[1.0], [1.0, 2.0]], "text", ["a"], {"a": 1}, [[1.0] * 101] * 1_000],
    ids=["ragged", "text", "texts", "mapping", "many"],
)
def test_damaged_arrays_are_refused(values: Any) -> None:
    with pytest.raises(InvalidInput, match="not valid"):
        cache.unpack_result(values, np.ndarray)


def test_results_outside_the_folder_are_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "results")
    study = replace(study_of(), name="../outside")
    cache.write_results(study, {AGREEMENT: None}, tmp_path / "results")
    assert not (tmp_path / "outside.json").exists()
    (tmp_path / "results" / "outside.json").rename(tmp_path / "outside.json")
    assert find_agreement(study) is None


def test_results_are_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of()
    interval = bootstrap.Interval(0.1, math.nan, math.inf, 3, 0)
    curves = faithfulness.Curves(
        *(np.arange(3) / 7 for _ in range(3)),
        np.ones((2, 3)),
        np.ones((2, 3)),
        4,
        "score",
        (interval, interval),
    )
    frame = pd.DataFrame({"pair": ["a+b"], "rows": [16], "error": [math.nan]})
    cache.write_results(study, {"curves()": curves, "frame(1)": frame}, tmp_path)
    monkeypatch.setattr(cache, "FOLDER", tmp_path)
    [read] = cache.find_shipped("curves", [study], faithfulness.Curves) or ()
    assert repr(read) == repr(curves)
    assert read.intervals == (interval, interval) or math.isnan(read.intervals[0].low)
    [table] = cache.find_shipped("frame", [study, 1], pd.DataFrame) or ()
    pd.testing.assert_frame_equal(table, frame)
    with pytest.raises(InvalidInput, match="may ship"):
        cache.write_results(study, {"many": np.ones(200_000)}, tmp_path)
    with pytest.raises(InvalidInput, match="cannot be written"):
        cache.write_results(study, {"object": object()}, tmp_path)
