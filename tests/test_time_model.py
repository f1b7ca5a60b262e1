"""A model with time that is not QiNN-QJ, from one file and its registration: modality states that are partly swapped
and decay. All that stands on "time" holds for it: pages, exact explanations, sliders, reports, sampled trajectories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import qutip
import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion import explain, report
from qfusion.data import DataSet
from qfusion.explain import counterfactual, path_attribution, sensitivity
from qfusion.models import FUSION, TimeModel
from qfusion.models.inputs import InputSpec
from qfusion.models.jump.kets import Dims, KetSettings
from qfusion.models.protocols import Evolution, kinds
from qfusion.quantum.decomposition import Subset
from qfusion.quantum.lindblad import Generator, Term
from qfusion.study.opening import open_sample
from qfusion.views.pages import catalogue
from tests.support.app import visit
from tests.support.third_model import among_the_users, command


class ExchangeSettings(KetSettings):
    """The settings of the model as its author writes them."""

    dims: Dims = 2
    dropout: float = 0.0
    hidden: int = 8
    duration: float = Field(1.0, ge=0, title="Duration T", description="Evolution time.")


class Exchange(TimeModel):
    """The model as its author writes it: H = sum_mn J_mn SWAP_mn of all pairs, decay to level 0 of each pair's first
    modality at learned rates, populations read out. Fewer numbers than a matrix: one J and d - 1 amplitudes a pair.

    Args:
        inputs, outputs: as of every model.
        settings: see `ExchangeSettings`.
    """

    kind = "exchange"
    settings_type = ExchangeSettings
    title = "Exchange"
    says = "States are swapped in part and decay."
    about = "turns {names} into quantum states ({dims} levels), swaps them in part, and reads the {target}."

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.duration = self.settings["duration"]
        self.init_encoders(4096, "H is held as a matrix")
        M, d = len(self.dims), self.dims[0]
        self.subsystems = list(combinations(range(M), 2))
        self.A = nn.ParameterList([torch.randn(1) for _ in self.subsystems])
        self.L = nn.ParameterList([torch.randn(d - 1) / 2 for _ in self.subsystems])
        self.W = nn.Parameter(torch.randn(len(self.outputs), M * d) / 2)
        self.bias = nn.Parameter(torch.zeros(len(self.outputs)))

    def generator(self) -> Generator:
        """Returns the generator, tweaked where it is."""
        d, dtype, terms = self.dims[0], self.W.dtype.to_complex(), []
        levels = torch.eye(d, dtype=dtype)
        swap = torch.einsum("il,jk->ijkl", levels, levels).reshape(d * d, d * d)
        decay = torch.stack([torch.outer(levels[0], levels[k]) for k in range(1, d)])
        for s, J, amplitudes in zip(self.subsystems, self.A, self.L, strict=True):
            L = torch.stack([torch.kron(jump, levels) for jump in decay])
            terms.append(Term(s, J * swap, amplitudes[:, None, None] * L))
        generator = Generator(self.dims, tuple(terms))
        return generator if self.tweak is None else self.tweak.scale(generator, self.modalities)

    def measurement_vectors(self) -> dict[Subset, Tensor]:
        """Returns the levels of every modality."""
        levels = torch.eye(self.dims[0], dtype=self.W.dtype.to_complex())
        return {(m,): levels for m in range(len(self.dims))}

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the J and amplitudes; they do nothing at 0."""
        return [(parameter, 0.0) for parameter in (*self.A, *self.L)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """A data set of three modalities; a model of it among the user's. The registration is this one line."""
    FUSION[Exchange.kind] = Exchange
    with among_the_users(
        tmp_path_factory.mktemp("models"), {"swaps": (Exchange.kind, {"dims": 2})}
    ) as dataset:
        yield dataset
    del FUSION[Exchange.kind]


@pytest.fixture
def address(trained: DataSet) -> dict[str, str]:
    return {
        "model": "swaps",
        "data": trained.name,
        "sample": str(trained.ids[trained.rows("test")[0]]),
    }


def test_scores_equal_an_evolution_of_qutip(address: dict[str, str]) -> None:
    sample = open_sample("swaps", address["sample"], address["data"])
    model, d, M = sample.model, 2, 3
    assert model.part(Evolution)
    assert Exchange.kind in kinds(Evolution)
    levels = [qutip.basis(d, k) for k in range(d)]

    def on(operators: Mapping[int, qutip.Qobj]) -> qutip.Qobj:
        return qutip.tensor([operators.get(m, qutip.qeye(d)) for m in range(M)])

    H, jumps = 0, []
    for (m, n), J, amplitudes in zip(model.subsystems, model.A, model.L, strict=True):
        for i in range(d):
            for j in range(d):
                step = levels[i] * levels[j].dag()
                H = H + float(J) * on({m: step, n: step.dag()})
        jumps.append(float(amplitudes[0]) * on({m: levels[0] * levels[1].dag()}))
    inputs = sample.inputs
    kets = [qutip.Qobj(ket[0].detach().numpy()) for ket in model.encode(inputs).values()]
    final = qutip.mesolve(
        H, qutip.tensor(kets), [0, model.duration], jumps, options={"atol": 1e-12, "rtol": 1e-10}
    ).states[-1]
    read = np.concatenate([final.ptrace(m).diag().real for m in range(M)])
    scores = model.W.detach().numpy() @ read + model.bias.detach().numpy()
    assert scores == pytest.approx(sample.scores, abs=1e-7)


def test_evolution_based_methods_support_the_model(address: dict[str, str]) -> None:
    sample = open_sample("swaps", address["sample"], address["data"])
    model, inputs, background = sample.model, sample.inputs, sample.background
    values = explain.explain(model, inputs, background)
    assert values.dividends.sum(1)[0] == pytest.approx(values.prediction[0])
    slopes = sensitivity.sensitivity(model, inputs, background)
    assert {term.kind for term in slopes.parameters} >= {"coupling", "dissipation", "duration"}
    made = path_attribution.aumann_shapley(model, inputs, background)
    assert made.start + made.parts.sum(-1) == pytest.approx(made.end, abs=1e-6)
    own = counterfactual.encode_samples(model, inputs)
    changes = [counterfactual.nearest_state(model, own, name) for name in model.modalities]
    assert all(change.verified for change in changes if change.possible)
    assert sensitivity.nearest_parameters(model, own)
    half = open_sample("swaps", address["sample"], address["data"], tweak="T=0.5")
    assert half.model.duration == 0.5
    assert not np.allclose(half.scores, sample.scores)
    estimate = model.estimate(inputs, trajectories=400, seed=1)
    assert (
        (estimate.scores.numpy() - sample.scores) / estimate.errors.numpy().clip(1e-9)
    ) == pytest.approx(np.zeros((1, len(model.outputs))), abs=5)


@pytest.mark.parametrize("page", ["Overview", "Dynamics", "Circuit", "What if"])
def test_pages_show_the_model(page: str, address: dict[str, str]) -> None:
    app = visit(page, **address)
    assert not app.error
    assert not app.exception


def test_reports_and_commands_show_the_model(address: dict[str, str], tmp_path: Any) -> None:
    sample = open_sample("swaps", address["sample"], address["data"])
    assert "Exchange" in report.sample(sample).html().decode()
    words = (word for key, value in address.items() for word in (f"--{key}", value))
    code, out, err = command("explain", *words)
    assert (code, err) == (0, "")
    assert "v0" in out or "pix" in out
    panel = next(iter(catalogue.page_parts("dynamics").panels))
    assert catalogue.build_panel("Dynamics", panel, address).numbers.shape[0]
