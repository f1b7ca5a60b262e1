"""Models and samples as files for other programs: checkpoints, QuTiP objects, OpenQASM, NumPy arrays.

from qfusion import data, model_export
from qfusion.training import checkpoint
trained = checkpoint.load("qj-planted")
model_export.file_bytes("checkpoint", trained, data.load("planted"))
"""

import io
import re
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qfusion._checks import check, choose
from qfusion._lazy import modules
from qfusion.errors import translate_errors, translate_import_errors

with translate_import_errors():
    from qfusion import __version__, _read_only, plugin, simulate
    from qfusion.data import DataSet
    from qfusion.explain import Background
    from qfusion.model_export.arrays import arrays_bytes, qutip_bytes
    from qfusion.models import FusionModel, base, kind_files, measured_game, protocols, registry
    from qfusion.models.protocols import Circuit, Evolution, GateCircuit, TruthTables
    from qfusion.study.opening import open_sample, open_study, tweak_model
    from qfusion.study.sample import Sample, build_sample
    from qfusion.training import checkpoint, checkpoint_cards

__all__ = [
    "FORMATS",
    "Format",
    "PRECISIONS",
    "add_to_own_models",
    "arrays_bytes",
    "bake_tweak",
    "file_bytes",
    "qutip_bytes",
    "save_checkpoint",
    "unsupported_reason",
    "validate_name",
    "zip_checkpoint",
]

__getattr__ = modules(__name__, __path__)


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
        tweak: change of the model, see `study.open_sample`.
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


def validate_name(name: str) -> str:
    """Return a valid name of a model.

    Raises:
        InvalidInput: when it cannot be the name of a file, or ends like a file.
    """
    check(
        bool(re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", name))
        and not name.lower().endswith((".json", ".safetensors")),
        "A model's name must be 1 to 64 letters, digits, `.`, `_` or `-`, and not that of a file, but is "
        f"{name[:80]!r}. Choose another.",
    )
    return name


def centre_scores(trained: checkpoint.Checkpoint, centred: bool) -> checkpoint.Checkpoint:
    """Return the checkpoint; if `centred`, without the mean of its scores over classes."""
    if not centred:
        return trained
    return replace(trained, model=base.centre_scores(trained.model))


def bake_tweak(trained: checkpoint.Checkpoint, tweak: str) -> tuple[FusionModel, str]:
    """Return a model whose weights and settings contain the tweak, and the tweak as text.

    The weights are rounded to single precision, in which they are stored.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    changed, words = tweak_model(trained.model, tweak)
    state, settings = changed.merge_tweak(
        dict(trained.model.state_dict()), dict(trained.card["settings"]), words
    )
    weights = {key: value.detach().float().contiguous().clone() for key, value in state.items()}
    model: FusionModel = registry.rebuild(
        trained.card["model"], trained.card["inputs"], trained.card["outputs"], settings, weights
    )
    return model.double().eval().requires_grad_(False), words


CENTRED = "The mean over classes is subtracted from its scores; its probabilities are unchanged."


def tweaked_card(
    trained: checkpoint.Checkpoint,
    model: FusionModel,
    words: str,
    dataset: DataSet,
    name: str,
    centred: bool = False,
) -> dict[str, Any]:
    """Return the card of a tweaked model, with its own test metrics and its origin.

    Args:
        trained: the original model.
        model: the tweaked model.
        words: the tweak as text.
        centred: whether the mean over classes was subtracted from the scores.

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
    }
    if centred:
        origin["centred"] = True
    card = {
        **old,
        "name": validate_name(name),
        "settings": dict(model.settings),
        "made_from": origin,
    }
    if not words:
        if centred:
            card["notes"] = f"{old.get('notes', '')} {CENTRED}".strip()
        return card
    notes = (
        f"Made from {origin['model']} (weights {origin['weights_sha256'][:12]}) by the tweak {words}, not trained "
        "again: the metrics are its own, and no spread over seeds is known."
    )
    if dataset.digest != old["data"]["digest"]:
        notes += f" Measured on another version of the data, {dataset.digest[:12]}."
    if centred:
        notes += f" {CENTRED}"
    own = checkpoint.make_checkpoint(model, dataset, name=name, seed=old["seed"], notes=notes).card
    return card | {
        "title": f"{old.get('title', '')}, tweaked",
        "versions": {**old["versions"], "qfusion": __version__},
        **{key: own[key] for key in ("notes", "seeds", "this_seed", "metrics", "parameters")},
    }


def save_checkpoint(
    path: Path,
    trained: checkpoint.Checkpoint,
    tweak: str,
    dataset: DataSet,
    centred: bool = False,
) -> Path:
    """Write PATH.json and PATH.safetensors, and return the path of the card.

    Args:
        path: its name becomes the name of the model.
        centred: whether the mean over classes is subtracted from the scores, see `base.centre_scores`.

    Raises:
        InvalidInput: when the name is invalid or is taken by a model of the same folder, or when a model without
            classes or without a linear head is to be centred.
    """
    name = validate_name(path.name.removesuffix(".json"))
    model, words = bake_tweak(centre_scores(trained, centred), tweak)
    return checkpoint.save(
        path.with_name(f"{name}.json"),
        model,
        tweaked_card(trained, model, words, dataset, name, centred),
        new=True,
    )


def add_to_own_models(
    trained: checkpoint.Checkpoint, tweak: str, dataset: DataSet, name: str
) -> Path:
    """Store the tweaked model among the reader's own models, and return the path of its card.

    Raises:
        InvalidInput: when the name is invalid or taken.
    """
    _read_only.check_allowed("keep a model")
    check(
        validate_name(name) not in checkpoint_cards.available(),
        f"There is a model '{name}' already. Choose another name.",
    )
    folder = checkpoint_cards.folders()[-1]
    with translate_errors(
        f"The folder of your models, {folder}, cannot be made", "Name another in QFUSION_MODELS."
    ):
        folder.mkdir(parents=True, exist_ok=True)
    return save_checkpoint(folder / name, trained, tweak, dataset)


def zip_checkpoint(
    trained: checkpoint.Checkpoint,
    tweak: str,
    dataset: DataSet,
    name: str,
    centred: bool = False,
) -> bytes:
    """Return card and weights in one .zip file, to be unpacked into a folder of models."""
    with tempfile.TemporaryDirectory() as folder:
        card = save_checkpoint(Path(folder) / validate_name(name), trained, tweak, dataset, centred)
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
