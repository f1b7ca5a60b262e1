"""QiNN-QJ as a module: its settings, its two pictures, its tweaks, and what it refuses."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch

from qfusion import explain
from qfusion._settings import choices
from qfusion.commands.evaluate import describe_propagation
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import InputSpec, QuantumJump, Tweak, build
from qfusion.models.encoders import EncoderSettings
from qfusion.quantum.lindblad import evolve_states
from qfusion.quantum.states import density, embed, partial_trace

FIELDS = QuantumJump.settings_type.model_fields
INPUTS = {"text": InputSpec(5, True), "audio": InputSpec(4), "vision": InputSpec(3)}


def features(B: int = 6, dtype: torch.dtype = torch.float64) -> dict:
    mask = torch.arange(7)[None] < torch.randint(1, 8, (B, 1))
    return {
        "text": (torch.randn(B, 7, 5, dtype=dtype), mask),
        "audio": torch.randn(B, 4, dtype=dtype),
        "vision": torch.randn(B, 3, dtype=dtype),
    }


def rows(inputs: dict, chosen: slice) -> dict:
    return {
        name: tuple(t[chosen] for t in x) if isinstance(x, tuple) else x[chosen]
        for name, x in inputs.items()
    }


def model(outputs=("a", "b"), **settings) -> QuantumJump:
    return QuantumJump(INPUTS, outputs, **{"dims": (2, 3, 2), **settings}).double().eval()


@pytest.mark.parametrize(
    ("evolution", "coupling", "readout"),
    list(
        itertools.product(*(choices(FIELDS[name]) for name in ("evolution", "coupling", "readout")))
    ),
)
def test_scores_equal_expectations_of_the_evolved_state(evolution, coupling, readout):
    m, x = (
        model(
            evolution=evolution,
            coupling=coupling,
            readout=readout,
            read="audio" if readout == "single" else "",
        ),
        features(),
    )
    psi = m.product_state(m.encode(x))
    H, L = m.generator().hamiltonian(), m.generator().jump_operators()
    rho = evolve_states(H, L, density(psi), [m.duration])[0]
    read = {(0, 1, 2): rho, **{(n,): partial_trace(rho, m.dims, (n,)) for n in range(3)}}
    vectors = m.measurement_vectors()
    assert (
        list(vectors)
        == {"local": [(0,), (1,), (2,)], "single": [(1,)], "joint": [(0, 1, 2)]}[readout]
    )
    p = torch.cat(
        [torch.einsum("ja,nab,jb->nj", v.conj(), read[s], v).real for s, v in vectors.items()], 1
    )
    assert (m(x) - (p @ m.W.T + m.bias)).abs().max() < 1e-12
    assert (p >= 0).all()
    assert (p <= 1).all()


@pytest.mark.parametrize("m", range(3))
def test_observables_of_a_modality_are_spanned(m):
    """d_m^2 of them: every Hermitian matrix of the modality, and so every observable on it, is a real combination of
    |v><v|."""
    d = (2, 3, 2)[m]
    v = model(measurements=d * d).measurement_vectors()[(m,)]
    projectors = torch.einsum("ja,jb->jab", v, v.conj()).flatten(1)
    assert torch.linalg.matrix_rank(projectors) == d * d
    wanted = torch.randn(d, d, dtype=torch.complex128)
    wanted = wanted + wanted.mH
    real = torch.view_as_real(projectors).flatten(1)
    weights = torch.linalg.lstsq(
        real.T, torch.view_as_real(wanted.flatten()).flatten()[:, None]
    ).solution
    assert (weights.T.to(projectors) @ projectors - wanted.flatten()).abs().max() < 1e-9


@pytest.mark.parametrize("readout", ["local", "single"])
@pytest.mark.parametrize("evolution", choices(FIELDS["evolution"]))
def test_local_read_out_is_additive_without_coupling(readout, evolution):
    """At t = 0, and for good where every term of the generator acts on one modality; one that couples two makes a joint
    term."""
    m, x, rows = model(evolution=evolution, readout=readout), features(), features(9)

    def joint(m):
        found = explain.explain(m, x, explain.background(m, rows, "joint"))
        return np.abs(
            found.dividends[:, [s for s, name in enumerate(found.coalitions) if "+" in name]]
        ).max()

    assert joint(m.tweaked(Tweak(duration=0.0))) < 1e-12
    apart = model(evolution=evolution, readout=readout, coupling="local", body=1)
    assert joint(apart) < 1e-12
    if evolution != "none":
        assert joint(m) > 1e-4
        assert joint(model(evolution=evolution, readout=readout, coupling="local", body=2)) > 1e-4


def test_single_read_out_uses_its_modality():
    m = model(readout="single", read="vision")
    elsewhere = embed(torch.randn(6, 6, dtype=torch.complex128), m.dims, (0, 1))
    assert (m.readout() @ elsewhere - elsewhere @ m.readout()).abs().max() < 1e-12
    assert list(m.measurement_vectors()) == [(2,)]
    assert list(model(readout="single").measurement_vectors()) == [(0,)]


def test_evolution_settings_omit_their_terms():
    assert model(evolution="unitary").jump_count == 0
    assert model(evolution="dissipative").generator().hamiltonian().abs().max() == 0
    still = model(evolution="none")
    assert torch.equal(still.observables(), still.readout())


@pytest.mark.parametrize("B", [1, 2, 9])
def test_scores_do_not_depend_on_the_batch_size(B):
    """Small batches evolve states, large ones observables."""
    m, x = model(outputs=tuple("abcdefgh")), features(B)
    single = torch.cat([m(rows(x, slice(i, i + 1))) for i in range(B)])
    assert (m(x) - single).abs().max() < 1e-12


def test_padding_has_no_influence():
    for pooling in choices(EncoderSettings.model_fields["pooling"]):
        m, x = model(pooling=pooling), features()
        values, mask = x["text"]
        other = torch.where(mask[..., None], values, torch.randn_like(values) * 100)
        assert torch.equal(m(x), m({**x, "text": (other, mask)}))


def test_encoding_norm_is_preserved():
    """Plain normalisation would map h and 2h to one state."""
    m, x = model(), features()
    before = m.encode(x)["audio"]
    last = m.encoders["audio"].last[-1]
    with torch.no_grad():
        last.weight *= 2
        last.bias *= 2
    after = m.encode(x)["audio"]
    assert (torch.linalg.vector_norm(after, dim=-1) - 1).abs().max() < 1e-12
    assert (before - after).abs().max() > 1e-2


def test_trajectories_average_to_the_master_equation():
    exact, x = model(), features(3)
    sampled = model(dynamics="jumps", trajectories=1000, steps=50)
    sampled.load_state_dict(exact.state_dict())
    with torch.no_grad():
        error = (sampled(x) - exact(x)).abs().max()
    assert error < 0.1 * exact.W.abs().max()
    sampled.settings["trajectories"] = 2
    assert not torch.equal(sampled(x), sampled(x))  # it does sample


LOCAL = dict(coupling="local", jumps=1, measurements=3)


def test_estimates_have_the_stated_standard_error():
    m, x = model(**LOCAL).eval(), features(12)
    with torch.no_grad():
        exact = m(x)
    found = m.estimate(x, 200, seed=2)
    z = (found.scores - exact) / found.errors
    assert z.abs().max() < 4.5
    assert 0.6 < z.std() < 1.5
    assert torch.equal(m.estimate(x, 200, seed=2).scores, found.scores)
    assert m.estimate(x, 800, seed=3).errors.mean() < 0.6 * found.errors.mean()
    still = model(evolution="none", **LOCAL).eval()
    sure = still.estimate(x, 2)
    assert (sure.scores - still(x)).abs().max() < 1e-12
    assert sure.errors.max() < 1e-12
    with pytest.raises(InvalidInput, match="`trajectories` must be a whole number from 2"):
        m.estimate(x, 1)


@pytest.mark.parametrize(
    "settings", [{}, LOCAL, {"evolution": "dissipative"}, {"readout": "joint"}]
)
def test_every_method_gives_the_same_scores(settings):
    m, x = model(**settings).eval(), features(3)
    with torch.no_grad():
        y = m(x)
        for method in ("observables", "states"):
            other = m.with_method(method)
            assert (other(x) - y).abs().max() < 1e-11
            assert (
                describe_propagation(other.propagation(3))
                == f"{method.capitalize()}, as requested."
            )
        assert (m.with_method("trajectories")(x) - y).abs().max() < 0.5
    assert m.method == "auto"
    assert describe_propagation(m.propagation(3)).startswith("Exact:")
    with pytest.raises(NotFound, match="Method 'state' does not exist"):
        m.with_method("state")


def test_large_systems_are_sampled():
    def large(M: int, **settings):
        return QuantumJump(
            {f"m{i}": {"size": 3, "sequence": False} for i in range(M)}, dims=4, **LOCAL, **settings
        )

    assert large(4).propagation(1000).method == "observables"
    assert large(4, outputs=tuple("abcdefgh")).propagation(2).method == "states"
    six, eight = large(6), large(8, duration=0.2)
    assert "trajectories of each of 1 samples" in describe_propagation(six.propagation(1))
    assert (
        six.propagation(10_000).method == "observables"
    )  # that many trajectories cost more than one evolution
    assert eight.propagation(10_000).method == "trajectories"
    x = {name: torch.randn(1, 3) for name in eight.modalities}
    found = eight.estimate(x, 2)
    assert torch.isfinite(found.scores).all()
    assert torch.isfinite(found.errors).all()
    for matrices in (eight.observables, eight.system):
        with pytest.raises(InvalidInput, match="no matrices of D x D"):
            matrices()
    with pytest.raises(InvalidInput, match="H and the L_k are held"):
        QuantumJump({f"m{i}": {"size": 3, "sequence": False} for i in range(7)}, dims=4)
    large(6, duration=0.2)(
        x | dict.fromkeys(six.modalities, x["m0"])
    ).sum().backward()  # trains by trajectories


@pytest.mark.parametrize(
    "settings", [{}, {"coupling": "local"}, {"dynamics": "jumps"}, {"pooling": "attention"}]
)
def test_every_weight_gets_a_gradient_and_seeds_repeat(settings):
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        m = QuantumJump(INPUTS, dims=2, **settings)
        m(features(dtype=torch.float32)).square().mean().backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in m.parameters())
        results.append([p.grad for p in m.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_gradcheck_through_the_model():
    """Of two modalities, as every parameter is moved both ways."""
    kept = ("audio", "vision")
    x = {name: features(2)[name] for name in kept}
    specs = {name: INPUTS[name] for name in kept}
    m = QuantumJump(specs, ("a",), dims=2, jumps=1, measurements=2).double().eval()
    names, leaves = zip(
        *[
            (n, p.detach().clone().requires_grad_())
            for n, p in m.named_parameters()
            if n[0] in "ALVW"
        ],
        strict=True,
    )

    def function(*values):
        return torch.func.functional_call(m, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, leaves)


def test_moves_between_precisions_and_copies():
    m, x = model(), features()
    single = copy.deepcopy(m).float()
    y = single(
        {k: (v[0].float(), v[1]) if isinstance(v, tuple) else v.float() for k, v in x.items()}
    )
    assert y.dtype == torch.float32
    assert (y - m(x)).abs().max() < 1e-4
    twin = model()
    twin.load_state_dict(m.state_dict())
    assert torch.equal(twin(x), m(x))


def test_tweaks_scale_named_terms_and_do_not_change_the_model():
    m, x = model(), features()
    y = m(x)
    same = m.tweaked(Tweak({"text+audio": 1.0}, {"text": 1.0}, 1.0))
    assert torch.equal(same(x), y)
    every = (
        "text",
        "audio",
        "vision",
        "text+audio",
        "text+vision",
        "audio+vision",
        "text+audio+vision",
    )
    none = m.tweaked(Tweak(dict.fromkeys(every, 0.0)))
    assert (
        none.system().H.abs().max() < 1e-12
    )  # of traceless jump operators; that of the learned ones differs
    still = m.tweaked(Tweak(dissipations=dict.fromkeys(every, 0.0))).system()
    assert still.jumps.abs().max() < 1e-12
    assert (still.H - m.system().H).abs().max() < 1e-12
    assert (m.tweaked(Tweak(duration=0.0)).observables() - m.readout()).abs().max() < 1e-14
    assert torch.equal(m(x), y)
    assert m.tweak is None
    local = model(coupling="local")
    off = local.tweaked(Tweak({"text+audio": 0.0}))
    from qfusion.quantum.decomposition import decompose

    assert decompose(off.system().H, off.dims)[(0, 1)].abs().max() < 1e-12


def test_standardisation_uses_the_training_rows():
    m = model()
    x = features(50)
    m.standardise(x)
    values, mask = x["text"]
    standard = m.encoders["text"].standardise(values)[mask]
    assert standard.mean(0).abs().max() < 0.2  # clipping moves it a little
    constant = {**x, "audio": torch.ones(50, 4, dtype=torch.float64)}
    m.standardise(constant)
    assert torch.isfinite(m(constant)).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(dims=1), InvalidInput, "`dims` must hold 3 dimensions of at least 2"),
        (dict(dims=(2, 2)), InvalidInput, "`dims` must hold 3"),
        (dict(dims=99_999_999), InvalidInput, "at most 4096"),
        (dict(jumps=-1), InvalidInput, "`jumps` must be a whole number"),
        (dict(measurements=0), InvalidInput, "`measurements`"),
        (dict(duration=float("nan")), InvalidInput, "`duration` must lie between 0 and 1e"),
        (dict(dropout=1.0), InvalidInput, "`dropout` must lie in"),
        (dict(evolution="unitray"), NotFound, "Did you mean 'unitary'"),
        (dict(coupling="dens"), NotFound, "Did you mean 'dense'"),
        (dict(readout="locl"), NotFound, "Did you mean 'local'"),
        (dict(readout="single", read="txt"), NotFound, "Did you mean 'text'"),
        (dict(read="text"), InvalidInput, "`read` must be empty unless `readout` is 'single'"),
        (dict(pooling="max"), NotFound, "Choose one of"),
    ],
)
def test_impossible_settings_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        model(**change)


def test_unknown_models_and_settings_are_refused():
    with pytest.raises(NotFound, match="Did you mean 'quantum-jump'"):
        build("quantum-jmp", INPUTS, ["a"], {})
    with pytest.raises(NotFound, match="Did you mean 'jumps'"):
        build("quantum-jump", INPUTS, ["a"], {"jump": 2})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {k: v for k, v in x.items() if k != "audio"}, "must hold modality `audio`"),
        (
            lambda x: {**x, "audio": torch.zeros(6, 5)},
            r"`audio` must have shape \(B, 4\), but have shape \(6, 5\)",
        ),
        (
            lambda x: {**x, "text": torch.zeros(6, 5)},
            r"`text` must have shape \(B, T, 5\) with a mask",
        ),
        (
            lambda x: {**x, "vision": torch.full((6, 3), np.nan)},
            "`vision` must be finite, but row 0",
        ),
    ],
)
def test_incompatible_features_are_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        model()(change(features()))


@pytest.mark.parametrize(
    ("tweak", "error", "message"),
    [
        (Tweak({"text+odio": 1.0}), NotFound, "Did you mean 'text\\+audio'"),
        (Tweak({"text": float("nan")}), InvalidInput, r"`couplings\[text\]`"),
        (Tweak({"text": "much"}), InvalidInput, "must be a number, but is 'much'"),  # type: ignore[dict-item]
        (
            Tweak(dissipations={"text": -1.0}),
            InvalidInput,
            r"`dissipations\[text\]` must lie between",
        ),
        (Tweak(duration=1e9), InvalidInput, "`duration` must lie between"),
    ],
)
def test_impossible_tweaks_are_refused(tweak, error, message):
    with pytest.raises(error, match=message):
        model().tweaked(tweak)
