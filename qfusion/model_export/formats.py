"""The formats in which a model leaves qfusion: what each is, what it needs, and its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qfusion._checks import check, choose
from qfusion.analysis.sample import Sample, case, sample_of, tweaked, work_of
from qfusion.data import DataSet
from qfusion.explain.backgrounds import AnyBackground
from qfusion.models import Ability, can, require
from qfusion.models.explorable import ABILITIES
from qfusion.models.programs.imported import Imported
from qfusion.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        title: for people. ending: of its files. says: one plain sentence.
        of_sample: whether it is of one sample; else of the model alone.
        needs: the abilities of models, any of which it exists for, of `models.explorable.ABILITIES`; empty for all.
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
        "This sample's states and observables over the evolution or the gates, and the exact "
        "contributions, with a description of each array.",
        True,
    ),
}


def impossible(name: str, found: Checkpoint) -> str:
    """Returns why a format does not exist for a model; empty where it does.

    Raises:
        NotFound: when there is no such format.
    """
    wanted = FORMATS[choose("Format", name, FORMATS)]
    kind = str(found.card["model"])
    if kind == Imported.kind and name in ("checkpoint", "torch"):
        return (
            f"Format '{name}' does not exist for a model that was imported: its program is a file already, "
            f"{found.card['weights']}, beside its card."
        )
    if not wanted.needs or any(can(found.model, ability) for ability in wanted.needs):
        return ""
    instead = (
        wanted.instead
        if can(found.model, "circuit")
        else (f"It has no {ABILITIES[wanted.needs[0]]}. Take torch or numpy instead.")
    )
    return f"Format '{name}' does not exist for a model of kind {kind}. {instead}"


def make(
    name: str,
    found: Checkpoint,
    dataset: DataSet,
    *,
    tweak: str = "",
    sample: str = "",
    model_name: str = "",
    precision: str = "double",
    behind: AnyBackground | None = None,
) -> bytes:
    """Returns the content of a file.

    Args:
        name: of the format, see `FORMATS`.
        found, tweak: the model and what is changed in it, see `analysis.case`.
        sample: id, for formats that are of one.
        model_name: what a checkpoint is called; "tweaked" unless given.
        precision: of a torch program, "double" or "single".
        behind: background of the contributions in an archive, the rows that the model was trained on unless given.

    Raises:
        NotFound, InvalidInput: naming the format, sample or tweak that does not fit.
    """
    reason = impossible(name, found)
    check(not reason, reason)
    if not FORMATS[name].of_sample:
        return _of_model(name, found, dataset, tweak, model_name or "tweaked", precision)
    check(
        bool(sample), f"Format '{name}' is of one sample. Name it, such as {str(dataset.ids[0])!r}."
    )
    if behind is None:
        return _OF_SAMPLE[name](case(found, sample, dataset, tweak=tweak))
    return _OF_SAMPLE[name](
        sample_of(work_of(found, dataset).against(behind), dataset.row(sample), tweak=tweak)
    )


def _of_model(
    name: str, found: Checkpoint, dataset: DataSet, tweak: str, called: str, precision: str
) -> bytes:
    from qfusion.model_export import program, weights

    if name == "checkpoint":
        return weights.archive(found, tweak, dataset, called)
    model, words = tweaked(found.model, tweak)
    about = {
        "model": str(found.card.get("name", "")),
        "weights_sha256": str(found.card["weights_sha256"]),
        "tweak": words,
    }
    steps = {m.name: int(m.values.shape[1]) for m in dataset.modalities if m.is_sequence}
    return program.to_bytes(model, about, precision, steps)


def _qutip(found: Sample) -> bytes:
    from qfusion.model_export import qutip_objects

    return qutip_objects.to_bytes(found)


def _arrays(found: Sample) -> bytes:
    from qfusion.model_export import arrays

    return arrays.to_bytes(found)


def _openqasm(version: int) -> Callable[[Sample], bytes]:
    def made(found: Sample) -> bytes:
        if can(found.model, "gates"):
            from qfusion.track.circuit import gate_circuit

            return (
                gate_circuit(found.model, found.model.encode(found.inputs))
                .to_openqasm(version)
                .encode()
            )
        from qfusion.track.fusion_circuit import fusion_circuit

        network = require(found.model, "rules")
        theta = {name: angles[0].detach() for name, angles in network.angles(found.inputs).items()}
        return fusion_circuit(network, theta).to_openqasm(version).encode()

    return made


def _quantikz(found: Sample) -> bytes:
    if can(found.model, "time"):
        from qfusion.track.circuit import step_circuit

        kets = {
            name: states[0].detach() for name, states in found.model.encode(found.inputs).items()
        }
        return (
            step_circuit(found.model, kets, float(found.model.duration) / 20)
            .to_quantikz(10)
            .encode()
        )
    if can(found.model, "gates"):
        from qfusion.track.circuit import gate_circuit

        return gate_circuit(found.model, found.model.encode(found.inputs)).to_quantikz(10).encode()
    from qfusion.track.fusion_circuit import fusion_circuit

    theta = {
        name: angles[0].detach()
        for name, angles in require(found.model, "rules").angles(found.inputs).items()
    }
    return fusion_circuit(found.model, theta).to_quantikz(10).encode()


_OF_SAMPLE: dict[str, Callable[[Sample], bytes]] = {
    "qutip": _qutip,
    "numpy": _arrays,
    "quantikz": _quantikz,
    "openqasm3": _openqasm(3),
    "openqasm2": _openqasm(2),
}
