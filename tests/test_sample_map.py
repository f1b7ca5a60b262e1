"""Sample maps against scikit-learn, regions against matplotlib, coordinates against QuTiP and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import qutip
import torch
from hypothesis import given, strategies as st
from matplotlib.path import Path
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import cohort_filters
from qfusion.study import cohorts, jobs, maps
from qfusion.study.backends import kets
from qfusion.study.opening import open_sample, open_study
from qfusion.study.performance import compare_cohort


@pytest.fixture(scope="module")
def planted() -> Any:
    return open_study("qj-planted")


@pytest.fixture(scope="module")
def digits() -> Any:
    return open_study("qcnn-digits")


def random_states(count: int, d: int) -> torch.Tensor:
    return torch.stack([torch.as_tensor(qutip.rand_dm(d, seed=k).full()) for k in range(count)])


@pytest.mark.parametrize("d", [2, 3, 4])
def test_coordinate_distances_equal_hilbert_schmidt_distances(d: int) -> None:
    rho = random_states(5, d)
    found = kets.real_coordinates(rho).numpy()
    assert found.shape == (5, d * d)
    for i in range(5):
        for j in range(5):
            theirs = (qutip.Qobj(rho[i].numpy()) - qutip.Qobj(rho[j].numpy())).norm("fro")
            assert np.linalg.norm(found[i] - found[j]) == pytest.approx(theirs, abs=1e-12)


def test_reduced_states_equal_qutip(planted: Any) -> None:
    rows = planted.dataset.rows("test")[:4]
    found = maps.compute_coordinates(planted, "states", rows)
    dims, psi = list(planted.model.dims), planted.backend.kets(rows).numpy()
    joint = [qutip.Qobj(each, dims=[dims, [1] * len(dims)]) for each in psi]
    for i in range(4):
        for j in range(i):
            theirs = sum(
                (joint[i].ptrace(m) - joint[j].ptrace(m)).norm("fro") ** 2 for m in range(len(dims))
            )
            assert np.linalg.norm(found[i] - found[j]) ** 2 == pytest.approx(theirs, abs=1e-10)
    end = maps.compute_coordinates(planted, "final", rows[:2])
    ours = planted.model.evolve_states(
        torch.as_tensor(np.einsum("ni,nj->nij", psi[:2], psi[:2].conj())),
        [float(planted.model.duration)],
    )[0].numpy()
    assert np.linalg.norm(end[0] - end[1]) == pytest.approx(
        np.linalg.norm(ours[0] - ours[1]), abs=1e-10
    )


def test_coordinates_of_a_network(digits: Any) -> None:
    rows = digits.dataset.rows("test")[:3]
    theta = np.concatenate(
        [digits.backend.theta(rows[0])[name].numpy() for name in digits.modalities]
    )
    found = maps.compute_coordinates(digits, "states", rows)
    assert np.allclose(np.sort(found[0]), np.sort(np.r_[np.cos(theta), np.sin(theta)] / np.sqrt(2)))
    end = maps.compute_coordinates(digits, "final", rows)
    head = digits.model.network.head.double().detach().numpy()
    kept = 2 ** len(digits.model.network.retained)
    features = np.c_[end[:, :kept], end[:, kept:] * np.sqrt(2)]
    from qfusion.models.network.qcnn import HEAD_SCALE

    assert np.allclose(
        HEAD_SCALE * features @ head.T + digits.model.bias.double().detach().numpy(),
        digits.scores[rows],
        atol=1e-5,
    )
    assert maps.compute_coordinates(digits, "dividends", rows).shape == (
        3,
        len(digits.terms),
    )
    assert list(maps.coordinate_kinds(digits)) == [
        "states",
        "final",
        "dividends",
        "features",
    ]
    with pytest.raises(InvalidInput, match="explained samples only"):
        maps.compute_coordinates(digits, "dividends", digits.dataset.rows("train")[:2])
    with pytest.raises(NotFound, match="sttes"):
        maps.compute_coordinates(digits, "sttes", rows)


@pytest.mark.parametrize("shape", [(60, 7), (20, 50), (5, 3)])
def test_principal_components_equal_scikit_learn(shape: tuple[int, int]) -> None:
    X = np.random.default_rng(1).normal(size=shape) * np.arange(1, shape[1] + 1)
    mean, axes, explained = maps.principal(X)
    theirs = PCA(2, svd_solver="full").fit(X)
    assert np.allclose(np.abs((X - mean) @ axes), np.abs(theirs.transform(X)), atol=1e-8)
    assert np.allclose(explained, theirs.explained_variance_ratio_)
    assert (axes[np.abs(axes).argmax(0), [0, 1]] > 0).all()
    single = maps.principal(np.arange(6.0)[:, None])
    assert np.allclose(single[2], [1, 0])
    assert not maps.principal(np.ones((4, 3)))[2].any()


@pytest.mark.parametrize("what", ["states", "dividends", "features"])
def test_map_contains_all_explained_samples(planted: Any, what: str) -> None:
    rows = planted.dataset.rows("test")
    found = maps.sample_map(planted, what, "PCA", rows)
    X = maps.compute_coordinates(planted, what, rows)
    assert np.allclose(
        np.abs(found.xy), np.abs(PCA(2, svd_solver="full").fit_transform(X)), atol=1e-8
    )
    assert found.trustworthiness == pytest.approx(trustworthiness(X, found.xy, n_neighbors=15))


def test_many_samples_are_thinned_and_projected(
    planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MAX_FIT", 100)
    rows = planted.dataset.rows("test")[:501]
    found = maps.sample_map(planted, "states", "PCA", rows)
    some = jobs.thin_rows(rows, 100)
    assert len(some) == 100
    assert some[0] == rows[0]
    assert some[-1] == rows[-1]
    mean, axes, _ = maps.principal(maps.compute_coordinates(planted, "states", some))
    assert np.allclose(found.xy, (maps.compute_coordinates(planted, "states", rows) - mean) @ axes)
    monkeypatch.setattr(kets, "SECONDS", 0.4)
    few = maps.sample_map(planted, "final", "PCA", rows)
    assert maps.most_samples(planted, "final") == 23
    assert len(few.rows) == maps.most_samples(planted, "final", 1 / maps.FEWER) == 16
    every = maps.sample_map(planted, "final", "PCA", rows[:40], all_samples=True)
    states = maps.compute_coordinates(planted, "final", rows[:40])
    mean, axes, _ = maps.principal(jobs.thin_rows(states, 23))
    assert every.column == "pca-all[final]"
    assert np.allclose(every.xy, (states - mean) @ axes)
    assert few.given == 501


CORNERS = st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=3, max_size=9)


@given(CORNERS, st.integers(0, 5))
def test_points_in_a_polygon_equal_matplotlib(
    corners: list[tuple[float, float]], seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-2.2, 2.2, (200, 2))
    polygon = np.array(corners)
    found = cohort_filters.points_in_region(polygon, points)
    crossings = np.zeros(200, dtype=int)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):  # brute force, edge by edge
        for i, (x, y) in enumerate(points):
            if (a[1] > y) != (b[1] > y):
                crossings[i] += x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
    assert np.array_equal(found, crossings % 2 == 1)
    if len(corners) == 3:
        assert np.mean(found == Path(polygon).contains_points(points)) > 0.98
    assert not cohort_filters.points_in_region(
        polygon, np.array([[np.nan, 0.0], [np.inf, np.inf]])
    ).any()


def test_regions_in_filters(planted: Any) -> None:
    sample = open_sample("qj-planted", "p0031")
    rows = maps.explained_rows(planted, cohorts.cohort_table(planted, None), ())
    found = maps.sample_map(planted, "states", "PCA", rows)
    angle = np.linspace(0, 2 * np.pi, 300)
    middle, size = found.xy.mean(0), found.xy.std(0)
    lasso = (
        middle + size * np.c_[np.cos(angle), np.sin(angle)] * (1 + 0.2 * np.sin(5 * angle))[:, None]
    )
    part = maps.region(found, *lasso.T)
    assert len(part.values) <= maps.MAX_VERTICES
    said = str(part)
    assert len(said) < cohort_filters.MAX_TEXT
    assert cohort_filters.parse(said) == (part,)
    wanted = Path(lasso).contains_points(found.xy)
    levels = compare_cohort(sample, said)
    assert np.mean(levels.inside == wanted) > 0.99
    box = maps.region(found, [middle[0], middle[0] + size[0]], [middle[1], middle[1] - size[1]])
    low, high = np.sort([[float(v) for v in corner.split(",")] for corner in box.values], 0)
    assert np.array_equal(
        compare_cohort(sample, f"{box}; split=test").inside,
        ((found.xy >= low) & (found.xy <= high)).all(1),
    )
    both = compare_cohort(sample, f"{box}; relation=conflict")
    assert (both.rows["relation"][both.inside] == "conflict").all()
    one = compare_cohort(sample, "pca[states].1>0")
    assert np.array_equal(one.inside, found.xy[:, 0] > 0)
    assert (
        len(cohorts.members(planted, cohort_filters.parse(str(box))))
        == compare_cohort(sample, str(box)).inside.sum()
    )
    with pytest.raises(InvalidInput, match="2 to 10,000 corners"):
        maps.region(found, [1.0], [1.0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pca[sttes]@0,0|1,1", "none of this model"),
        ("error@0,0|1,1", "none of this model"),
        ("pca[states]@0,0", "two corners"),
        ("pca[states]@0|1", "must look like"),
        ("pca[states]@0,x|1,1", "number"),
        ("pca[states]@nan,0|1,1", "corner"),
        ("pca[states]@" + "|".join(["0,0"] * 31), "at most 30"),
    ],
)
def test_invalid_regions_are_refused(text: str, words: str) -> None:
    with pytest.raises((InvalidInput, NotFound), match=words):
        compare_cohort(open_sample("qj-planted", "p0031"), text)


def test_the_dominant_term(planted: Any) -> None:
    table = cohorts.cohort_table(planted, None)
    row = planted.dataset.row("p0031")
    own = {term: abs(value) for term, value in planted.dividends(row).items() if term}
    assert table["dominant"].iloc[row] == max(own, key=own.__getitem__)
