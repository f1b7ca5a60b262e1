"""The formats in which a model, tweaked or not, or a sample leaves qfusion: a checkpoint, a program of torch, QuTiP
objects, OpenQASM, NumPy arrays; and how each is made.
"""

import copy
import io
import json
import pickle
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qfusion import __version__, _limits, track
from qfusion._checks import check, choose
from qfusion.analysis.opening import open_sample, open_study, tweak_model
from qfusion.analysis.sample import Sample, build_sample
from qfusion.data import DataSet
from qfusion.errors import translate_errors
from qfusion.explain import Background, Explanation, through_layers, through_time
from qfusion.models import (
    Ability,
    EntangledQCNN,
    FusionModel,
    KetModel,
    abilities,
    can,
    imported,
    log_odds,
    registry,
    require,
    truth_tables,
)
from qfusion.quantum import decomposition, lindblad, states
from qfusion.training import checkpoint

# The formats in which a model leaves qfusion: what each is, what it needs, and its bytes.


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        title: for people. ending: of its files. says: one plain sentence.
        of_sample: whether it is of one sample; else of the model alone.
        needs: the abilities of models, any of which it exists for, of `models.abilities.ABILITIES`; empty for all.
        instead: what to do where it does not exist.
    """

    title: str
    ending: str
    says: str
    of_sample: bool
    needs: tuple[Ability, ...] = ()
    instead: str = ""


_STEP = (
    "One step of its evolution is channels, which OpenQASM has no statement for; the Circuit page draws it. Take qutip "
    "or numpy instead."
)
FORMATS: dict[str, Format] = {
    "checkpoint": Format(
        "Checkpoint",
        ".zip",
        "The model with its tweak as a model of its own, card and weights, for this app and its "
        "commands.",
        False,
    ),
    "torch": Format(
        "PyTorch program",
        ".pt2",
        "The way from features to scores, for any batch of samples; loading it needs torch and "
        "nothing else.",
        False,
        ("kets", "masses"),
    ),
    "qutip": Format(
        "QuTiP objects",
        ".qu",
        "Hamiltonian, jump operators, observables and this sample's states, for QuTiP.",
        True,
        ("time",),
        "It is a circuit, without a Hamiltonian. Take openqasm3 or numpy instead.",
    ),
    "openqasm3": Format(
        "OpenQASM 3",
        ".qasm",
        "This sample's circuit with its angles, measured and conditioned in the middle.",
        True,
        ("rules", "gates"),
        _STEP,
    ),
    "openqasm2": Format(
        "OpenQASM 2",
        ".qasm",
        "The same circuit with controlled gates instead of conditions, for older tools.",
        True,
        ("rules", "gates"),
        _STEP,
    ),
    "quantikz": Format(
        "Quantikz circuit",
        ".tex",
        "This sample's circuit for LaTeX; of a model with time one step of its evolution, T / 20.",
        True,
        ("circuit",),
    ),
    "numpy": Format(
        "NumPy arrays",
        ".npz",
        "This sample's states and observables over the evolution or the gates, and its "
        "contributions, with a description of each array.",
        True,
    ),
}


def impossible(name: str, trained: checkpoint.Checkpoint) -> str:
    """Returns why a format does not exist for a model; empty where it does.

    Raises:
        NotFound: when there is no such format.
    """
    form = FORMATS[choose("Format", name, FORMATS)]
    kind = str(trained.card["model"])
    if kind == imported.Imported.kind and name in ("checkpoint", "torch"):
        return (
            f"Format '{name}' does not exist for a model that was imported: its program is a file already, "
            f"{trained.card['weights']}, beside its card."
        )
    if not form.needs or any(can(trained.model, ability) for ability in form.needs):
        return ""
    others = "numpy" if name == "torch" or impossible("torch", trained) else "torch or numpy"
    instead = (
        form.instead
        if form.instead and can(trained.model, "circuit")
        else f"It has no {abilities.ABILITIES[form.needs[0]]}. Take {others} instead."
    )
    return f"Format '{name}' does not exist for a model of kind {kind}. {instead}"


def make(
    name: str,
    trained: checkpoint.Checkpoint,
    dataset: DataSet,
    *,
    tweak: str = "",
    sample: str = "",
    model_name: str = "",
    precision: str = "double",
    behind: Background | None = None,
    centred: bool = False,
) -> bytes:
    """Returns the content of a file.

    Args:
        name: of the format, see `FORMATS`.
        trained, tweak: the model and what is changed in it, see `analysis.open_sample`.
        sample: id, for formats that are of one.
        model_name: what a checkpoint is called; "tweaked" unless given.
        precision: of a torch program, "double" or "single".
        behind: background of the contributions in an archive, that of the pages unless given.
        centred: whether what all classes share is subtracted from the scores of a model, see `log_odds.centred`;
            probabilities stay. Samples are of log-odds, which have no such part.

    Raises:
        NotFound, InvalidInput: naming the format, sample or tweak that does not fit.
    """
    reason = impossible(name, trained)
    check(not reason, reason)
    check(
        not (centred and FORMATS[name].of_sample),
        f"Argument `centred` does not fit format '{name}': a sample is exported with log-odds, which have no part that "
        "all classes share. Leave it out, or take checkpoint or torch.",
    )
    if name == "checkpoint":
        return archive(trained, tweak, dataset, model_name or "tweaked", centred)
    if name == "torch":
        model, words = tweak_model(_with_centred_head(trained, centred).model, tweak)
        about = {
            "model": str(trained.card.get("name", "")),
            "weights_sha256": str(trained.card["weights_sha256"]),
            "tweak": words,
            "centred": centred,
        }
        return program_bytes(
            model,
            about,
            precision,
            {m.name: int(m.values.shape[1]) for m in dataset.modalities if m.is_sequence},
        )
    check(
        bool(sample), f"Format '{name}' is of one sample. Name it, such as {str(dataset.ids[0])!r}."
    )
    one = (
        open_sample(trained, sample, dataset, output=None, tweak=tweak)
        if behind is None
        else build_sample(
            open_study(trained, dataset).with_background(behind), dataset.row(sample), tweak=tweak
        )
    )
    match name:
        case "qutip":
            return qutip_bytes(one)
        case "numpy":
            return arrays_bytes(one)
        case "quantikz":
            return _circuit(one).to_quantikz(10).encode()
        case _:
            return _circuit(one).to_openqasm(3 if name == "openqasm3" else 2).encode()


def _circuit(sample: Sample) -> Any:
    """The sample's circuit; of a model with time that of one step of its evolution."""
    model = sample.model
    if can(model, "gates"):
        return track.gate_circuit.gate_circuit(model, model.encode(sample.inputs))
    if can(model, "time"):
        kets = {name: kets[0].detach() for name, kets in model.encode(sample.inputs).items()}
        return track.step_circuit.step_circuit(model, kets, float(model.duration) / 20)
    return track.fusion_circuit.fusion_circuit(
        require(model, "rules"),
        {name: angles[0].detach() for name, angles in model.angles(sample.inputs).items()},
    )


# The way from features to scores as a program of `torch.export`: real numbers only, and loading it needs torch alone.
#
# The physics is worked out beforehand. For a QiNN-QJ the observables O_c(T) are evolved once in the Heisenberg picture,
# so that a score is a quadratic form in the real and imaginary parts of the product state; for an entangled-fusion
# network the circuit is pulled back to coefficients of words in {I, X, Z}, so that a score is multilinear in the fused
# qubits. Neither matrix exponentials nor complex numbers, for which exporters have no operators, are left.

MAX_STEPS = 200
PRECISIONS: dict[str, torch.dtype] = {"double": torch.float64, "single": torch.float32}


class Predictor(nn.Module):
    """Features of every modality, in order, to scores (B, C); of a sequence values (B, T, F) and then the mask (B, T)
    of its real steps.

    A subclass fills `fused` from what the encoders say.
    """

    def __init__(self, model: FusionModel):
        super().__init__()
        self.names = tuple(model.modalities)
        self.sequences = tuple(spec.sequence for spec in model.input_specs.values())
        # their precision is changed
        self.encoders = nn.ModuleDict(
            {name: copy.deepcopy(model.encoders[name]) for name in self.names}
        )
        self.bias = nn.Buffer(model.bias.detach().clone())

    def forward(self, *features: Tensor) -> Tensor:
        """Returns the scores."""
        given, encoded = iter(features), []
        for name, sequence in zip(self.names, self.sequences, strict=True):
            values = next(given)
            encoded.append(self.encoders[name]((values, next(given)) if sequence else values))
        return self.scores(encoded) + self.bias

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the scores without bias of what the encoders say."""
        raise NotImplementedError


class KetPredictor(Predictor):
    """psi_m -> product state r + i s -> r' A r + s' A s + 2 s' B r for O_c(T) = A_c + i B_c."""

    def __init__(self, model: KetModel):
        super().__init__(model)
        self.dims = model.dims
        O = model.observables().detach()
        self.A, self.B = nn.Buffer(O.real.contiguous()), nn.Buffer(O.imag.contiguous())

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the scores without bias, (B, C)."""
        r, s = _ket(encoded[0], self.dims[0])
        for numbers, d in zip(encoded[1:], self.dims[1:], strict=True):
            a, b = _ket(numbers, d)
            r, s = (
                states.product([r, a]) - states.product([s, b]),
                states.product([r, b]) + states.product([s, a]),
            )
        form = "nb,cbd,nd->nc"
        quadratic = torch.einsum(form, r, self.A, r) + torch.einsum(form, s, self.A, s)
        return quadratic + 2 * torch.einsum(form, s, self.B, r)


def _ket(numbers: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts of (e_0 + h) / ||e_0 + h||."""
    real, imaginary = numbers[:, :d], numbers[:, d:]
    real = torch.cat([real[:, :1] + 1, real[:, 1:]], 1)
    norm = (real.square() + imaginary.square()).sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    return real / norm, imaginary / norm


class NetworkPredictor(Predictor):
    """theta_m -> masses -> fused qubits (1, <X>, <Z>) -> sum over words in {I, X, Z}."""

    def __init__(self, model: EntangledQCNN):
        super().__init__(model)
        self.n, half = model.elements, model.elements // 2
        O = model.observables().detach()
        self.C = len(O)
        self.phi = nn.Buffer(model.phi.detach().clone())
        self.words = nn.Buffer(
            O.reshape(self.C, 3**half, -1).permute(1, 0, 2).flatten(1).contiguous()
        )

    def scores(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the scores without bias, (B, C)."""
        masses = torch.stack(
            [torch.sin((numbers + torch.pi / 2) / 2).square() for numbers in encoded], -1
        )
        vectors, half = truth_tables.fuse(masses, self.phi)[0], self.n // 2
        # products of (1, <X>, <Z>) over the qubits of each half, (B, 3^(n / 2))
        left, right = (
            states.product(part.unbind(1)) for part in (vectors[:, :half], vectors[:, half:])
        )
        return ((left @ self.words).unflatten(1, (self.C, -1)) @ right[:, :, None])[..., 0]


def exported(
    model: FusionModel, precision: str = "double", steps: Mapping[str, int] | None = None
) -> torch.export.ExportedProgram:
    """Returns the program of `torch.export`; the number of rows is free.

    Args:
        precision: of its floating-point numbers, of PRECISIONS.
        steps: of every sequence, which exporters unroll: shorter ones are padded and masked. Needed where the model
            takes sequences.

    Raises:
        InvalidInput: when they are missing or too many.
    """
    dtype = PRECISIONS[choose("Precision", precision, PRECISIONS)]
    module: Predictor = (
        NetworkPredictor(require(model, "masses"))
        if can(model, "masses")
        else KetPredictor(require(model, "kets"))
    )
    # three rows are traced; any number goes in afterwards
    example = tuple(
        torch.ones(3, *shape[1:], dtype=kind) for _, shape, kind in _inputs(model, dtype, steps)
    )
    free = ({0: torch.export.Dim("rows", min=1, max=2**31)},) * len(example)
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        return torch.export.export(module.to(dtype).eval(), example, dynamic_shapes=(free,))


def _inputs(
    model: FusionModel, dtype: torch.dtype, steps: Mapping[str, int] | None
) -> list[tuple[str, list[Any], torch.dtype]]:
    """What goes in, in order: name, shape and type of each tensor."""
    inputs = []
    for name, spec in model.input_specs.items():
        count = (steps or {}).get(name, 0)
        check(
            not spec.sequence or 1 <= count <= MAX_STEPS,
            f"Argument `steps` must hold from 1 to {MAX_STEPS} steps of `{name}`, but holds {count}: exporters "
            "write every step of a sequence out. Use features that are pooled over time.",
        )
        if spec.sequence:
            inputs += [
                (name, ["rows", count, spec.size], dtype),
                (f"{name}, which steps are real", ["rows", count], torch.bool),
            ]
        else:
            inputs.append((name, ["rows", spec.size], dtype))
    return inputs


def program_bytes(
    model: FusionModel,
    about: Mapping[str, Any],
    precision: str = "double",
    steps: Mapping[str, int] | None = None,
) -> bytes:
    """Returns a .pt2 file: the program, and in `qfusion.json` what goes in and what comes out.

    Args:
        about: what is said beside inputs and outputs. precision, steps: see `exported`.
    """
    inputs = [
        {"name": name, "shape": shape, "dtype": str(kind)}
        for name, shape, kind in _inputs(model, PRECISIONS[precision], steps)
    ]
    words = json.dumps({**about, "inputs": inputs, "outputs": list(model.outputs)}, indent=1)
    buffer = io.BytesIO()
    torch.export.save(
        exported(model, precision, steps), buffer, extra_files={"qfusion.json": words}
    )
    return buffer.getvalue()


# A tweaked model as its own model: the tweak goes into weights and settings, its card says where it is from.


def checked_name(name: str) -> str:
    """Returns a name that a model may have.

    Raises:
        InvalidInput: when it could not be one of a file, or looks like one already.
    """
    check(
        bool(re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", name))
        and not name.lower().endswith((".json", ".safetensors")),
        "A model's name must be 1 to 64 letters, digits, `.`, `_` or `-`, and not that of a file, but is "
        f"{name[:80]!r}. Choose another.",
    )
    return name


def _with_centred_head(trained: checkpoint.Checkpoint, centred: bool) -> checkpoint.Checkpoint:
    """The checkpoint, without what all classes share where that is to be subtracted."""
    return replace(trained, model=log_odds.centred(trained.model)) if centred else trained


def baked(trained: checkpoint.Checkpoint, tweak: str) -> tuple[FusionModel, str]:
    """Returns a model whose own weights and settings are those of the tweaked one, rounded to the single precision in
    which they are kept, and the tweak as text.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    changed, words = tweak_model(trained.model, tweak)
    state, settings = changed.baked(
        dict(trained.model.state_dict()), dict(trained.card["settings"]), words
    )
    weights = {key: value.detach().float().contiguous().clone() for key, value in state.items()}
    model: FusionModel = registry.rebuild(
        trained.card["model"], trained.card["inputs"], trained.card["outputs"], settings, weights
    )
    return model.double().eval().requires_grad_(False), words


CENTRED = "What all classes share is subtracted from its scores; its probabilities are unchanged."


def card_of(
    trained: checkpoint.Checkpoint,
    model: FusionModel,
    words: str,
    dataset: DataSet,
    name: str,
    centred: bool = False,
) -> dict[str, Any]:
    """Returns the card of a baked model: test metrics are its own, and where it comes from is said.

    Args:
        trained: the model that it is made from. words: the tweak as text.
        centred: whether what all classes share was subtracted.

    Raises:
        InvalidInput: when `dataset` is not the one that the model was trained on.
    """
    old = trained.card
    check(
        dataset.name == old["data"]["name"],
        f"Argument `dataset` must be the one that the model was trained on, '{old['data']['name']}', but is "
        f"'{dataset.name}': a checkpoint's metrics are of its own data. Leave it out.",
    )
    origin: dict[str, Any] = {
        "model": str(old.get("name", "")),
        "weights_sha256": str(old["weights_sha256"]),
        "tweak": words,
        **({"centred": True} if centred else {}),
    }
    also = CENTRED if centred else ""
    card = {
        **old,
        "name": checked_name(name),
        "settings": dict(model.settings),
        "made_from": origin,
    }
    if not words:
        return card | ({"notes": f"{old.get('notes', '')} {also}".strip()} if centred else {})
    other = (
        ""
        if dataset.digest == old["data"]["digest"]
        else f" Measured on another version of the data, {dataset.digest[:12]}."
    )
    notes = (
        f"Made from {origin['model']} (weights {origin['weights_sha256'][:12]}) by the tweak {words}, not trained "
        f"again: the metrics are its own, and no spread over seeds is known.{other} {also}".rstrip()
    )
    own = checkpoint.of(model, dataset, name=name, seed=old["seed"], notes=notes).card
    return card | {
        "title": f"{old.get('title', '')}, tweaked",
        "versions": {**old["versions"], "qfusion": __version__},
        **{key: own[key] for key in ("notes", "seeds", "this_seed", "metrics", "parameters")},
    }


def save(
    path: Path,
    trained: checkpoint.Checkpoint,
    tweak: str,
    dataset: DataSet,
    centred: bool = False,
) -> Path:
    """Writes PATH.json and PATH.safetensors, the file's name being the model's, and returns the card's path.

    Args:
        centred: whether what all classes share is subtracted, see `log_odds.centred`.

    Raises:
        InvalidInput: when the name is none, or is taken by a model of the same folder; when a model without classes or
            without a linear head is to be centred.
    """
    name = checked_name(path.name.removesuffix(".json"))
    model, words = baked(_with_centred_head(trained, centred), tweak)
    return checkpoint.save(
        path.with_name(f"{name}.json"),
        model,
        card_of(trained, model, words, dataset, name, centred),
        new=True,
    )


def keep(trained: checkpoint.Checkpoint, tweak: str, dataset: DataSet, name: str) -> Path:
    """Puts the tweaked model among the reader's own, where pages and commands find it, and returns the card's path.

    Raises:
        InvalidInput: when the name is none or is taken.
    """
    _limits.refuse("keep a model")
    _limits.check_disk("The model")
    check(
        checked_name(name) not in checkpoint.available(),
        f"There is a model '{name}' already. Choose another name.",
    )
    folder = checkpoint.folders()[-1]
    with translate_errors(
        f"The folder of your models, {folder}, cannot be made", "Name another in QFUSION_MODELS."
    ):
        folder.mkdir(parents=True, exist_ok=True)
    return save(folder / name, trained, tweak, dataset)


def archive(
    trained: checkpoint.Checkpoint,
    tweak: str,
    dataset: DataSet,
    name: str,
    centred: bool = False,
) -> bytes:
    """Returns card and weights in one .zip file, to be unpacked into a folder of models."""
    with tempfile.TemporaryDirectory() as folder:
        card = save(Path(folder) / checked_name(name), trained, tweak, dataset, centred)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as made:
            for path in (card, card.with_suffix(".safetensors")):
                # of that time whenever it is made: equal models make equal archives
                made.writestr(
                    zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0)),
                    path.read_bytes(),
                    zipfile.ZIP_DEFLATED,
                )
        return buffer.getvalue()


# One sample's states and observables as NumPy arrays in a file that describes itself and holds no pickled objects.

Described = dict[
    str, tuple[str, np.ndarray]
]  # name -> what it is with its shape and unit, and the numbers


@torch.no_grad()
def arrays_bytes(sample: Sample) -> bytes:
    """Returns a .npz file of the sample's arrays; the same bytes for the same sample. `numpy.load(file)["about"]` says
    of every array what it is, its shape and its unit."""
    # the first that the model can do
    made: dict[Ability, Callable[[Sample], Described]] = {
        "time": _jump,
        "layers": _network,
        "kets": _kets,
    }
    arrays = _common(sample) | next(
        (made[ability](sample) for ability in made if can(sample.model, ability)), {}
    )
    about = [f"{name} {array.shape}: {words}" for name, (words, array) in arrays.items()]
    files: dict[str, Any] = {name: array for name, (_, array) in arrays.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(about), **files)
    return buffer.getvalue()


def _common(sample: Sample) -> Described:
    origin = {
        "model": sample.name,
        "weights_sha256": sample.study.card["weights_sha256"],
        "tweak": sample.changed,
        "data": sample.dataset.name,
        "data_sha256": sample.dataset.digest,
        "sample": sample.id,
        "background": sample.background.name,
        "background_size": sample.background.size,
    }
    explanation = sample.explanation
    return {
        "made_from": (
            "JSON: model, digests, tweak, data set, sample, background",
            np.array(json.dumps(origin)),
        ),
        "modalities": ("M names, in the order of the tensor product", np.array(sample.modalities)),
        "outputs": (
            "C names of the classes, or of the score of a regression",
            np.array(explanation.outputs),
        ),
        "coalitions": (
            "2^M names of groups of modalities, the empty one first",
            np.array(explanation.coalitions),
        ),
        "scores": (
            f"(C,) {_SCORES}",
            explanation.prediction[0],
        ),
        "logit_scale": (
            "number by which scores of classes are multiplied before a softmax",
            np.array(float(explanation.logit_scale)),
        ),
        "bias": (
            "(C,) part of the scores that no state changes, in their unit",
            sample.model.bias.detach().double().numpy(),
        ),
        "dividends": (
            "(2^M, C) contributions of groups, in the unit of the scores, which they add up to",
            explanation.dividends[0],
        ),
        "values": (
            "(2^M, C) scores with the groups' modalities known and the others as in the background",
            explanation.values[0],
        ),
        "shapley": (
            "(M, C) Shapley values of the modalities, in the unit of the scores",
            explanation.shapley[0],
        ),
    }


_SCORES = "log-odds of each class against the others (nats), or the score of a regression (unit of the target)"


def _moments(explanation: Explanation) -> Described:
    return {
        "dividends_over": (
            "(moments, 2^M, C) contributions if the score were read out then",
            explanation.dividends[:, 0],
        )
    }


def _jump(sample: Sample) -> Described:
    model, names = sample.model, sample.modalities
    system = model.system()
    kets = model.encode(sample.inputs)
    psi = model.product_state(kets)[0].to(torch.complex128)
    times = np.linspace(0.0, max(float(model.duration), 1e-6), 41)
    described: Described = {
        **{
            f"ket[{name}]": (
                f"(d,) state of {name} before the evolution, norm 1",
                kets[name][0].numpy(),
            )
            for name in names
        },
        "dims": ("(M,) dimensions d of the modalities; D is their product", np.array(model.dims)),
        "psi0": ("(D,) product state before the evolution", psi.numpy()),
        "times": ("(moments,) times from 0 to T, in units of 1 / energy (hbar = 1)", times),
        "rho": (
            "(moments, D, D) state of the sample at these times",
            lindblad.evolve_states(
                system.H, system.jumps, states.density(psi), times.tolist()
            ).numpy(),
        ),
        "observables": (
            "(moments, C, D, D) O_c(t) in the Heisenberg picture: Tr[O_c(t) rho(0)] + bias is the score read out at t",
            model.observables(times.tolist()).numpy(),
        ),
        "H": ("(D, D) Hamiltonian, energy, without trace and of these L_k", system.H.numpy()),
        "jumps": (
            "(K, D, D) canonical L_k, traceless, orthogonal, by rate; square root of a rate",
            system.jumps.numpy(),
        ),
        "weights": (
            "(C, J) weight of each measured probability in each score, in the order of the measurement vectors",
            model.W.detach().numpy(),
        ),
    }
    for read, v in model.measurement_vectors().items():
        name = decomposition.subset_name(read, names)
        whole = len(read) == len(names)
        described["measurement_vectors" if whole else f"measurement_vectors[{name}]"] = (
            f"(J, d) unit vectors that measure the state of {'all modalities' if whole else name} at T",
            v.detach().numpy(),
        )
    for subset, part in decomposition.decompose(system.H, model.dims).items():
        name = decomposition.subset_name(subset, names)
        described[f"H[{name or 'identity'}]"] = (
            f"(D, D) part of H that acts on exactly {name.replace('+', ', ') or 'nothing'}; the parts add up to H",
            part.numpy(),
        )
    return described | _moments(
        through_time(model, sample.inputs, sample.background, times.tolist())
    )


def _kets(sample: Sample) -> Described:
    model, names = sample.model, sample.modalities
    kets = model.encode(sample.inputs)
    return {
        f"ket[{name}]": (f"(d,) state of {name}, norm 1", kets[name][0].numpy()) for name in names
    } | {
        "dims": ("(M,) dimensions d of the modalities; D is their product", np.array(model.dims)),
        "psi": ("(D,) product state", model.product_state(kets)[0].numpy()),
        "observables": (
            "(C, D, D) O_c: Tr[O_c |psi><psi|] + bias is the score",
            model.observables().numpy(),
        ),
    }


def _network(sample: Sample) -> Described:
    model, names = sample.model, sample.modalities
    angles, masses = model.angles(sample.inputs), model.encode(sample.inputs)
    layered = through_layers(model, sample.inputs, sample.background)
    replayed = track.gate_replay.replay_fusion(
        model, {name: values[0] for name, values in angles.items()}
    )
    x, y, z = np.moveaxis(replayed.bloch, -1, 0)
    qubits = (
        np.stack([np.stack([1 + z, x - 1j * y], -1), np.stack([x + 1j * y, 1 - z], -1)], -2) / 2
    )
    return (
        {
            f"theta[{name}]": (f"(n,) angles of the qubits of {name}, rad", angles[name][0].numpy())
            for name in names
        }
        | {
            f"mass[{name}]": (
                f"(n,) masses sin^2(theta / 2) of {name}, 0 to 1",
                masses[name][0].numpy(),
            )
            for name in names
        }
        | {
            "phi": (
                "(n, stages, outcomes) angles of the fusion's truth tables, rad",
                model.phi.detach().double().numpy(),
            ),
            "tables": (
                "(n, stages, outcomes) their masses sin^2(phi / 2), 0 to 1",
                torch.sin(model.phi.detach().double() / 2).square().numpy(),
            ),
            "outcomes": (
                "what the controlling qubits read, in the order of the tables",
                np.array(
                    [
                        "".join(str(int(b)) for b in row)
                        for row in truth_tables.patterns((model.phi.shape[-1] - 1).bit_length())
                    ]
                ),
            ),
            "fused": (
                "(n, 3) (1, <X>, <Z>) of every fused qubit before the network",
                model.fuse(masses)[0][0].numpy(),
            ),
            "qubits": ("Q names of all qubits", np.array(replayed.wires)),
            "gates": (
                "G names of the gates, in order",
                np.array([gate.label for gate in replayed.gates]),
            ),
            "qubit_states": (
                "(G + 1, Q, 2, 2) reduced state of every qubit before the first and after every gate",
                qubits,
            ),
            "entropy": ("(G + 1, Q) its von Neumann entropy, nats", replayed.entropy),
            "observables": (
                "(C, 3, ..., 3) coefficients of the scores in words of {I, X, Z} on the fused qubits",
                model.observables().numpy(),
            ),
            "moments": (
                "places between the layers, at which `dividends_over` stops the circuit",
                np.array(layered.moments),
            ),
        }
        | _moments(layered)
    )


# One sample's physics as QuTiP objects, in a file that `qutip.qload` reads.
#
# A .qu file is a pickle, and reading a pickle runs whatever its maker put into it: load those that you made, or whose
# maker you trust.


@torch.no_grad()
def qutip_bytes(sample: Sample) -> bytes:
    """Returns the content of a .qu file, as `qutip.qsave` would write it: a dictionary of QuTiP objects on the
    modalities, with `dims` set.

    It holds "H" and "jumps" (list) in canonical form (`decomposition.traceless`), "terms" (H_S by the name of S),
    "kets" (by modality), "psi0", "rho_T" (by torch), "observables" (before evolution: for rho(T)), "heisenberg"
    (evolved: measure these on psi0), both by the name of the class, or of the score, and without the bias; "bias" by
    the same names, "T", and "made_from". Of classes they are observables of the log-odds of each against the others.

    Raises:
        InvalidInput: when the model has no evolution in time.
    """
    require(sample.model, "time", "Hamiltonian for QuTiP", f"Model '{sample.name}'")
    model = sample.model
    system, dims = model.system(), tuple(model.dims)
    kets = model.encode(sample.inputs)
    psi = model.product_state(kets)[0].to(torch.complex128)
    end = model.evolve_states(states.density(psi), [float(model.duration)])[0]
    read, evolved = model.readout(), model.observables()
    H, jumps = track.qutip_objects.qutip_operators(system)
    names, bias = sample.explanation.outputs, model.bias.detach().double()
    return pickle.dumps(
        {
            "H": H,
            "jumps": jumps,
            "terms": {
                decomposition.subset_name(s, sample.modalities): track.qutip_objects.as_operator(
                    part, dims
                )
                for s, part in decomposition.decompose(system.H, dims).items()
            },
            "kets": {
                name: track.qutip_objects.as_ket(kets[name][0].numpy(), (dims[m],))
                for m, name in enumerate(sample.modalities)
            },
            "psi0": track.qutip_objects.as_ket(psi.numpy(), dims),
            "rho_T": track.qutip_objects.as_operator(end, dims),
            "observables": {
                name: track.qutip_objects.as_operator(O, dims)
                for name, O in zip(names, read, strict=True)
            },
            "heisenberg": {
                name: track.qutip_objects.as_operator(O, dims)
                for name, O in zip(names, evolved, strict=True)
            },
            "bias": {name: float(value) for name, value in zip(names, bias, strict=True)},
            "T": float(model.duration),
            "made_from": {
                "model": sample.name,
                "weights_sha256": str(sample.study.card["weights_sha256"]),
                "tweak": sample.changed,
                "data": sample.dataset.name,
                "data_sha256": sample.dataset.digest,
                "sample": sample.id,
                "modalities": list(sample.modalities),
            },
        }
    )
