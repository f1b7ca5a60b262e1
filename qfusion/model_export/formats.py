"""The formats in which a model or one sample leaves qfusion, and the content of a file in each."""

from dataclasses import dataclass
from typing import Any

from qfusion import plugin, simulate
from qfusion._checks import check, choose
from qfusion.analysis.opening import open_sample, open_study, tweak_model
from qfusion.analysis.sample import Sample, build_sample
from qfusion.data import DataSet
from qfusion.explain import Background
from qfusion.model_export.numpy_arrays import arrays_bytes
from qfusion.model_export.qutip_file import qutip_bytes
from qfusion.model_export.tweaked_checkpoint import centre_scores, zip_checkpoint
from qfusion.models import kind_files, measured_game, protocols
from qfusion.models.protocols import Circuit, Evolution, GateCircuit, TruthTables
from qfusion.training import checkpoint


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        title: name for readers.
        ending: suffix of its files.
        says: description in one sentence.
        of_sample: whether a file holds one sample; otherwise it holds the model alone.
        needs: protocols of parts, of which a model must have one; empty for every model.
        instead: advice for models that lack these parts.
        write: "MODULE:NAME" of what a plugin writes it by, see `plugin.Format`; such a file may hold numbers of
            either precision.
    """

    title: str
    ending: str
    says: str
    of_sample: bool
    needs: tuple[type, ...] = ()
    instead: str = ""
    write: str = ""


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
    "qutip": Format(
        "QuTiP objects",
        ".qu",
        "Hamiltonian, jump operators, observables and this sample's states, for QuTiP.",
        True,
        (Evolution,),
        "It is a circuit, without a Hamiltonian. Take openqasm3 or numpy instead.",
    ),
    "openqasm3": Format(
        "OpenQASM 3",
        ".qasm",
        "This sample's circuit with its angles, measured and conditioned in the middle.",
        True,
        (TruthTables, GateCircuit),
        _STEP,
    ),
    "openqasm2": Format(
        "OpenQASM 2",
        ".qasm",
        "The same circuit with controlled gates instead of conditions, for older tools.",
        True,
        (TruthTables, GateCircuit),
        _STEP,
    ),
    "quantikz": Format(
        "Quantikz circuit",
        ".tex",
        "This sample's circuit for LaTeX; of a model with time one step of its evolution, T / 20.",
        True,
        (Circuit,),
    ),
    "numpy": Format(
        "NumPy arrays",
        ".npz",
        "This sample's states and observables over the evolution or the gates, and its "
        "contributions, with a description of each array.",
        True,
    ),
}

PRECISIONS = ("double", "single")


def _plugin_formats() -> dict[str, Format]:
    """Return the formats that plugins write, by name."""
    return {
        one.name: Format(
            one.title,
            one.endings[0],
            one.says,
            of_sample=False,
            needs=tuple(map(plugin.load_name, one.needs)),
            write=one.write,
        )
        for one in plugin.entries("formats")
        if one.write
    }


FORMATS |= _plugin_formats()

GAME = "A measured game is no program and has no weights."


def unsupported_reason(name: str, trained: checkpoint.Checkpoint) -> str:
    """Return the reason why a format does not exist for a model; empty if it exists.

    Raises:
        NotFound: when there is no such format.
    """
    form = FORMATS[choose("Format", name, FORMATS)]
    kind = str(trained.card["model"])
    if kind == measured_game.KIND:
        return GAME
    if kind in kind_files.file_formats() and not form.of_sample:
        return (
            f"Format '{name}' does not exist for a model that was imported: its program is a file already, "
            f"{trained.card['weights']}, beside its card."
        )
    if not form.needs or any(trained.model.part(protocol) for protocol in form.needs):
        return ""
    if form.instead and trained.model.part(Circuit):
        instead = form.instead
    else:
        others = [
            other
            for other, one in FORMATS.items()
            if one.write and other != name and not unsupported_reason(other, trained)
        ]
        lacks = protocols.PARTS[form.needs[0]]
        instead = f"It has no {lacks}. Take {' or '.join([*others, 'numpy'])} instead."
    return f"Format '{name}' does not exist for a model of kind {kind}. {instead}"


def file_bytes(
    name: str,
    trained: checkpoint.Checkpoint,
    dataset: DataSet,
    *,
    tweak: str = "",
    sample: str = "",
    model_name: str = "",
    precision: str = "double",
    background: Background | None = None,
    centred: bool = False,
) -> bytes:
    """Return the content of a file in a format.

    Args:
        name: of the format, see `FORMATS`.
        trained: the model.
        tweak: change of the model, see `analysis.open_sample`.
        sample: id of the sample, for formats of one sample.
        model_name: name of an exported checkpoint; "tweaked" unless given.
        precision: of the numbers, of PRECISIONS; single only in formats of plugins.
        background: of the contributions in a NumPy file; the default background unless given.
        centred: whether the mean over classes is subtracted from the scores of a model, see `base.centre_scores`.
            Probabilities do not change. Samples hold log-odds, which have no such part.

    Raises:
        NotFound, InvalidInput: naming the format, sample or tweak that does not fit.
    """
    reason = unsupported_reason(name, trained)
    check(not reason, reason)
    check(
        not (centred and FORMATS[name].of_sample),
        f"Argument `centred` does not fit format '{name}': a sample is exported with log-odds, which have no part that "
        "all classes share. Leave it out, or take a format of the model.",
    )
    if name == "checkpoint":
        return zip_checkpoint(trained, tweak, dataset, model_name or "tweaked", centred)
    if write := FORMATS[name].write:
        model, words = tweak_model(centre_scores(trained, centred).model, tweak)
        about = {
            "model": str(trained.card.get("name", "")),
            "weights_sha256": str(trained.card["weights_sha256"]),
            "tweak": words,
            "centred": centred,
        }
        steps = {m.name: int(m.values.shape[1]) for m in dataset.modalities if m.is_sequence}
        return bytes(plugin.load_name(write)(model, about, precision, steps))
    check(
        bool(sample), f"Format '{name}' is of one sample. Name it, such as {str(dataset.ids[0])!r}."
    )
    if background is None:
        opened = open_sample(trained, sample, dataset, output=None, tweak=tweak)
    else:
        study = open_study(trained, dataset).with_background(background)
        opened = build_sample(study, dataset.row(sample), tweak=tweak)
    match name:
        case "qutip":
            return qutip_bytes(opened)
        case "numpy":
            return arrays_bytes(opened)
        case "quantikz":
            return _circuit(opened).to_quantikz(10).encode()
        case "openqasm3":
            return _circuit(opened).to_openqasm(3).encode()
        case _:
            return _circuit(opened).to_openqasm(2).encode()


def _circuit(sample: Sample) -> Any:
    """Return the circuit of a sample; for a model with time the circuit of one step of its evolution."""
    model = sample.model
    if model.part(GateCircuit):
        return simulate.fusion_circuit.gate_circuit(model, model.encode(sample.inputs))
    if model.part(Evolution):
        kets = {name: kets[0].detach() for name, kets in model.encode(sample.inputs).items()}
        return simulate.step_circuit.step_circuit(model, kets, float(model.duration) / 20)
    angles = {name: values[0].detach() for name, values in model.angles(sample.inputs).items()}
    return simulate.fusion_circuit.fusion_circuit(model, angles)
