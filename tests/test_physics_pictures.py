"""Bloch balls, Hinton diagrams, elements over time, jump rasters, information graphs: numbers against QuTiP,
pictures against numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import qutip

from qfusion import data
from qfusion.errors import InvalidInput, NotFound
from qfusion.figures import dynamics_charts, information_charts, state_charts
from qfusion.figures.circuits import qubits as qubit_charts
from qfusion.study import circuits
from qfusion.study.evolution import time_grid
from qfusion.study.opening import open_sample
from qfusion.training import Options, checkpoint, checkpoint_cards, train
from qfusion.views import dynamics, states
from qfusion.views.pages import catalogue, rendering
from tests.support.app import plain, said, visit

SAMPLE = "pair-6601"


@pytest.fixture(scope="module")
def qubits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model of two modalities of two levels each, on the parity data."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_MODELS", str(folder))
        dataset = data.load("parity")
        result = train(
            "quantum-jump",
            dataset,
            {"dims": 2, "hidden": 4},
            Options(epochs=1, batch=512, loss="cross_entropy"),
        )
        card = checkpoint_cards.make_card(
            result.model,
            dataset,
            name="qubits",
            title="qubits",
            seed=0,
            training=result.settings(),
            metrics={},
            this_seed={},
            seeds=[0],
        )
        checkpoint.save(folder / "qubits", result.model, card)
        yield "qubits"


@pytest.fixture(scope="module")
def planted() -> Any:
    return open_sample("qj-planted", "p2924")


@lru_cache(2)
def solved(sample: Any) -> Any:
    """QuTiP's own solution of the sample's master equation, at the times that the pages show."""
    system = sample.model.system()
    dims = [list(system.dims)] * 2
    psi = qutip.Qobj(
        sample.study.backend.ket(sample.row).numpy(),
        dims=[list(system.dims), [1] * len(system.dims)],
    )
    return qutip.mesolve(
        qutip.Qobj(system.H.numpy(), dims=dims),
        psi,
        time_grid(system.duration),
        [qutip.Qobj(L.numpy(), dims=dims) for L in system.jumps],
        options={
            "rtol": 1e-8,
            "atol": 1e-10,
            "method": "vern9",
            "matrix_form": True,
            "nsteps": 10**6,
            "progress_bar": "",
        },
    )


def test_bloch_vectors_equal_qutip(qubits: str) -> None:
    sample = open_sample(qubits, SAMPLE)
    assert sample.model.dims == (2, 2)
    picture = states.bloch(sample, t=0.5)
    table = picture.numbers
    for m, (name, own) in enumerate(table.groupby("modality", sort=False)):
        assert name == sample.modalities[m]
        for place, state in enumerate(solved(sample).states):
            one = state.ptrace(m)
            theirs = [
                qutip.expect(sigma(), one) for sigma in (qutip.sigmax, qutip.sigmay, qutip.sigmaz)
            ]
            assert np.abs(own[["X", "Y", "Z"]].to_numpy()[place] - theirs).max() < 1e-6
            assert own["purity"].iloc[place] == pytest.approx((one * one).tr().real, abs=1e-6)
    # The tip stands where the vector at the cursor is projected to; what is past alone is drawn.
    tips = [trace for trace in picture.figure.data if trace.mode == "markers"]
    vector = table[table["modality"] == sample.modalities[0]][["X", "Y", "Z"]].to_numpy()[20]
    assert [tips[0].x[0], tips[0].y[0]] == pytest.approx(qubit_charts.project(vector).tolist())
    assert f"{np.linalg.norm(vector):.2f}" in picture.figure.layout.annotations[0].text
    app = visit("Dynamics", model=qubits, view="State", t="0.5")
    assert not app.error
    assert "Bloch vector has length" in plain(said(app))


def test_projection_preserves_lengths_facing_the_viewer() -> None:
    assert np.allclose(
        np.stack([qubit_charts.RIGHT, qubit_charts.UP, qubit_charts.TOWARDS_VIEWER])
        @ np.stack([qubit_charts.RIGHT, qubit_charts.UP, qubit_charts.TOWARDS_VIEWER]).T,
        np.eye(3),
    )
    assert np.linalg.norm(qubit_charts.project(qubit_charts.TOWARDS_VIEWER)) == pytest.approx(
        0, abs=1e-12
    )
    assert qubit_charts.project(np.array([0, 0, 1.0]))[1] > 0.9
    with pytest.raises(InvalidInput, match="longer than 1"):
        qubit_charts.draw_balls(["a"], [np.array([[0, 0, 1.2]])])
    with pytest.raises(InvalidInput, match="shape"):
        qubit_charts.draw_balls(["a"], [np.zeros(3)])


def test_elements_over_time_equal_qutip(planted: Any) -> None:
    found = {part: states.elements_over_time(planted, part=part, t=0.4) for part in states.PARTS}
    exact = solved(planted).states
    for m, name in enumerate(planted.modalities):
        ours = {part: each.numbers for part, each in found.items()}
        for place in (0, 13, 40):
            rho = exact[place].ptrace(m).full()
            for i in range(4):
                assert ours["populations"][f"{name} |{i}⟩"][place] == pytest.approx(
                    rho[i, i].real, abs=1e-6
                )
            for i, j in itertools.combinations(range(4), 2):
                assert ours["coherences"][f"{name} |{i}⟩⟨{j}|"][place] == pytest.approx(
                    abs(rho[i, j]), abs=1e-6
                )
    heat = found["populations"].figure
    assert np.allclose(heat.data[0].z, found["populations"].numbers.iloc[:, 1:].to_numpy().T)
    assert [shape.x0 for shape in heat.layout.shapes if shape.x0 == shape.x1] == pytest.approx(
        [0.4, 0.4]
    )
    assert (
        len([shape for shape in heat.layout.shapes if shape.y0 == shape.y1]) == 2
    )  # between modalities
    with pytest.raises(NotFound, match="phases"):
        states.elements_over_time(planted, part="phases")
    with pytest.raises(InvalidInput, match="two levels"):
        states.bloch(planted)


@pytest.mark.parametrize("whose", ["text", "all together"])
def test_hinton_diagram_equals_the_state(planted: Any, whose: str) -> None:
    picture = states.hinton(planted, whose=whose, t=0.4)
    exact = solved(planted).states[16]
    rho = (exact.ptrace(0) if whose == "text" else exact).full()
    table = picture.numbers
    size = len(rho)
    assert np.abs(table["modulus"].to_numpy().reshape(size, size) - np.abs(rho)).max() < 1e-6
    squares = [
        trace
        for trace in picture.figure.data
        if trace.fill == "toself" and trace.name != "size key"
    ]
    area = np.zeros((size, size))
    for trace in squares:
        for x, y in zip(
            np.reshape(trace.x, (-1, 6))[:, :4], np.reshape(trace.y, (-1, 6))[:, :4], strict=True
        ):
            area[round(y.mean()), round(x.mean())] = np.ptp(x) * np.ptp(y)
    seen = area > 0
    assert (seen == (np.abs(rho) >= state_charts.LEAST * np.abs(rho).max())).mean() > 0.999
    share = np.abs(rho)[seen] / area[seen]
    assert np.allclose(share, share[0], rtol=1e-4)
    hand = next(
        trace for trace in picture.figure.data if trace.mode == "lines" and trace.fill is None
    )
    x, y = np.reshape(hand.x, (-1, 3)), np.reshape(hand.y, (-1, 3))
    for (x0, x1, _), (y0, y1, _) in zip(x, y, strict=True):
        angle = np.angle(rho[round(y0), round(x0)])
        assert np.exp(1j * np.arctan2(y0 - y1, x1 - x0)) == pytest.approx(
            np.exp(1j * angle), abs=1e-4
        )
    with pytest.raises(InvalidInput, match="zero"):
        state_charts.hinton(np.zeros((2, 2)), (2,))


def test_jump_raster_equals_qutip_and_the_exact_rate(planted: Any) -> None:
    found = circuits.records(planted, 40)
    system = planted.model.system()
    psi = qutip.Qobj(planted.study.backend.ket(planted.row).numpy())
    theirs = qutip.mcsolve(
        qutip.Qobj(system.H.numpy()),
        psi,
        time_grid(system.duration),
        [qutip.Qobj(L.numpy()) for L in system.jumps],
        ntraj=40,
        seeds=np.random.SeedSequence(0).spawn(40),
        options={
            "rtol": 1e-7,
            "atol": 1e-9,
            "progress_bar": "",
            "norm_tol": 1e-6,
            "norm_steps": 200,
            "norm_t_tol": 1e-9,
            "keep_runs_results": True,
            "nsteps": 10**6,
        },
    )
    assert sorted(number for number, *_ in found.runs) == list(range(40))
    firsts = [times[0] if len(times) else np.inf for _, times, _ in found.runs]
    assert firsts == sorted(firsts)
    for number, times, which in found.runs:
        assert times == pytest.approx(list(theirs.col_times[number]), abs=1e-6)
        assert which.tolist() == list(theirs.col_which[number])
    operators = [qutip.Qobj((L.mH @ L).numpy(), dims=[list(system.dims)] * 2) for L in system.jumps]
    exact = np.array([qutip.expect(A, solved(planted).states) for A in operators])
    assert np.abs(found.exact - exact).max() < 1e-6
    counted = (found.counts * np.diff(found.edges)).sum() * 40
    assert found.jumps == sum(map(len, theirs.col_times)) == pytest.approx(counted)


def test_counted_rates_converge_to_exact_ones(planted: Any) -> None:
    found = circuits.records(planted)
    assert len(found.runs) == 200
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    rates = np.stack([np.interp(middles, found.times, rate) for rate in found.exact])
    spread = np.sqrt(rates / (200 * np.diff(found.edges)))
    assert np.mean(np.abs(found.counts - rates) < 2.5 * spread) > 0.9
    assert abs(found.jumps / 200 - found.expected_jumps) < 3 * np.sqrt(found.expected_jumps / 200)
    picture = dynamics.raster(planted)
    assert len(picture.numbers) == found.jumps
    marks = [trace for trace in picture.figure.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in marks) == found.jumps
    mean, error = found.jumps_per_run()
    numbers = [len(times) for _, times, _ in found.runs]
    assert mean == np.mean(numbers)
    assert error == pytest.approx(np.std(numbers, ddof=1) / np.sqrt(200))
    assert (
        f"{mean:.2f} ± {error:.2f} times on average (exact: {found.expected_jumps:.2f})"
        in picture.title
    )
    single = [found.jumps_per_run(k)[0] for k in range(len(found.exact))]
    assert sum(single) == pytest.approx(mean)
    assert found.count_errors == pytest.approx(np.sqrt(found.counts / (200 * 0.1)), rel=0.35)
    with pytest.raises(InvalidInput, match="shapes"):
        dynamics_charts.raster(
            [],
            np.linspace(0, 1, 3),
            np.zeros((2, 2)),
            np.zeros((2, 2)),
            np.zeros(4),
            np.zeros((1, 4)),
        )


def test_information_equals_qutip(planted: Any) -> None:
    picture = dynamics.information(planted, t=0.5)
    table, names, exact = picture.numbers, planted.modalities, solved(planted).states

    def S(state: Any, *parts: int) -> float:
        return float(qutip.entropy_vn(state.ptrace(list(parts)) if len(parts) < 3 else state))

    for place in (4, 20, 40):
        rho = exact[place]
        for a, b in itertools.combinations(range(3), 2):
            wanted = S(rho, a) + S(rho, b) - S(rho, a, b)
            column = f"mutual_information[{names[a]}:{names[b]}]"
            assert table[column][place] == pytest.approx(wanted, abs=1e-5)
        joint = S(rho, 0) + S(rho, 1, 2) - S(rho, 0, 1, 2)
        pairs = sum(S(rho, 0) + S(rho, b) - S(rho, 0, b) for b in (1, 2))
        assert table["tripartite_information"][place] == pytest.approx(pairs - joint, abs=1e-5)
    edges = [
        trace for trace in picture.figure.data if trace.mode == "lines" and trace.xaxis is None
    ]
    widths = sorted(trace.line.width for trace in edges)
    shared = table.filter(like="mutual").to_numpy()
    assert widths == pytest.approx(
        sorted(information_charts.MAX_WIDTH * shared[20] / shared.max()), abs=1e-6
    )
    nodes = next(trace for trace in picture.figure.data if trace.mode == "markers")
    entropies = table.filter(like="entropy[").to_numpy()
    areas = information_charts.MAX_DIAMETER**2 * entropies[20] / entropies.max()
    assert np.square(nodes.marker.size) == pytest.approx(areas, rel=1e-6)
    assert dynamics.information(planted, t=0.0).title.startswith(
        "No pair shares 0.001 nats or more at t = 0.00"
    )
    assert "tripartite" not in dynamics.information(open_sample("qj-parity", SAMPLE)).title
    with pytest.raises(InvalidInput, match="at least a pair"):
        information_charts.mutual_information_polygon(np.zeros(3), {}, {"a": np.zeros(3)}, 0)


def test_pages_links_and_programs(planted: Any) -> None:
    about = {"model": "qj-parity", "data": "parity", "sample": SAMPLE}
    app = visit(
        "Dynamics", model="qj-parity", view="State", matrixas="Hinton diagram", t="0.25", of="left"
    )
    assert not app.error
    words = plain(said(app))
    assert "Largest coherence at t = " in words
    assert "Density matrix: modulus" not in words
    assert "changes most" in words
    for view, panel in (("Trajectories", "raster"), ("Correlations", "information")):
        app = visit("Dynamics", model="qj-parity", view=view)
        assert not app.error
        opened = catalogue.open_page("dynamics", about | {"view": view}).view
        assert panel in list(catalogue.visible_panels(opened))
    opened = catalogue.open_page(
        "dynamics", about | {"view": "State", "matrixas": "Hinton diagram", "t": "0.25"}
    ).view
    shown = list(catalogue.visible_panels(opened))
    assert "hinton" in shown
    assert "matrix-modulus" not in shown
    assert "bloch" not in shown  # four levels each
    assert "states.hinton(sample, t=0.25)" in rendering.program(
        "Dynamics", "hinton", opened.address()
    )
    assert "matrix-modulus" in list(
        catalogue.visible_panels(catalogue.open_page("dynamics", about | {"view": "State"}).view)
    )
    app = visit("Dynamics", model="qj-parity", view="State", matrixas="cubes")
    assert "cubes" in plain(app.warning[0].value)
