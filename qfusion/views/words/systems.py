"""The systems in words: a description of a model, its pipeline and its card."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from qfusion._sentences import capitalise, count, listed, share
from qfusion.errors import default_on_error
from qfusion.models.kind_texts import kind_text
from qfusion.models.network.truth_tables import stage_sizes
from qfusion.models.protocols import (
    Circuit,
    EditableCircuit,
    Evolution,
    KetStates,
    StateModel,
    TruthTables,
)
from qfusion.quantum.circuits import BLOCKS
from qfusion.study import text
from qfusion.study.study import Study
from qfusion.training.checkpoint import Checkpoint
from qfusion.training.checkpoint_cards import training_split

# Descriptions of a model, in two or three sentences.
QUANTUM_JUMP = (
    "{title} turns {names} into quantum states ({dims} levels), evolves them together under a learned Hamiltonian and "
    "{jumps}, and reads the {target} from the result. Since the read-out is linear, every decision splits exactly into "
    "contributions of single modalities and joint contributions."
)
NETWORK = (
    "{title} encodes {names}, fuses them by a network of kind {kind}, and reads the {target} from it. Its decisions "
    "are split by replacing every combination of modalities with those of every background row."
)
ENTANGLED_QCNN = (
    "{title} assigns evidence from {names} to each of {elements}, fuses it by one entangling gate per {element}, and "
    "reads the {target} through a quantum convolutional network with {parameters:,} parameters after the encoders. "
    "Each fusion gate is a truth table that can be read and edited, and every decision splits exactly into "
    "contributions of single modalities and joint contributions."
)

GAME = (
    "{title} is a game that was measured: the values of all {coalitions:,} coalitions of {names} for each sample. No "
    "model is run. Contributions follow from these values exactly."
)

# How modalities become a decision, in a sentence.
EVOLUTION_COURSE = (
    "{names} {become}, {evolve} under a {how} Hamiltonian{jumps}, and {are} read out: "
    "here is who decided, and when."
)
CIRCUIT_COURSE = "{names} {become} of qubits, {are} fused gate by gate, and read out: here is who decided, and where."
PRODUCT_COURSE = "{names} {become} and {are} read out without a fusion: here is who decided."
NETWORK_COURSE = (
    "{names} {are} encoded and fused by a network without quantum states: here is who decided."
)
GAME_COURSE = "The values of {names} and their combinations were measured: here is who decided."
MAX_NAMES = 4  # modalities that a sentence names

# Stages of the pipelines. Labels are of the links to their pages.
STATES = "one ket per modality, dimension {dims}"
EVOLUTION = "H and {jumps} on {levels} levels, T = {duration:g}"
STEP = "as a circuit with the {how} values"
LINEAR_READ_OUT = "{read_out}, linear read-out"
ENCODERS, NO_ENCODERS = "one per modality", "none; features are fused directly"
FUSION_NETWORK, PROGRAM = "a {kind} network", "{file}, an imported program"
COALITION_VALUES = "of all {coalitions:,} coalitions of players, measured for each sample"
ADDITIVE = "a sum of contributions"
PRODUCT_READ_OUT = "trained observables of the product state"
ANGLES = "{elements} angles per modality: its mass for each element"
TABLES = "{elements} truth tables of {angles} angles{stages}, one entangling gate per element"
STAGES = " in {stages} stages"
CONVOLUTIONS = "{convolutions} convolutions (block {block}), {poolings} poolings on {qubits} qubits"
QUBIT_READ_OUT = "linear read-out of {retained} kept and {measured} measured qubits"
RETAINED_READ_OUT = "linear read-out of {retained} kept qubits"
VECTORS_EACH = "{vectors} on each modality"
VECTORS = "{vectors} on {place}"
JOINT_STATE, ONE_STATE = "the joint state", "{modality} alone"

# What the baseline means where the training classes are imbalanced.
BASE_RATES = (
    "Of the training samples, {most} are ‘{frequent}’ and {least} ‘{rare}’. The baseline, the score without any "
    "modality, reflects such shares, so that a decision may follow from it alone (relation ‘prior’)."
)
IMBALANCED = 2.0  # ratio of the most to the least frequent class

# Units of features.
PER_STEP, IN_ALL = "numbers per step", "numbers"

# Follows a test metric of the loaded weights where the card has the mean over several training seeds.
THIS_SEED = ", this seed"


class Stage(NamedTuple):
    """A stage of a pipeline.

    Attributes:
        name, text: name and description of the stage.
        page: the page that shows it.
        label: label of the link to the page.
        parameters: parameters of the page's address.
    """

    name: str
    text: str
    page: str
    label: str
    parameters: dict[str, str]


def describe_course(study: Study) -> str:
    """Return how modalities become a decision, in a sentence of Markdown: what a page with the decision shows."""
    few = len(study.modalities) <= MAX_NAMES
    names = (
        list_modalities(study) if few else count(len(study.modalities), "modality", "modalities")
    )
    model: Any = study.model
    if not study.reads_features:
        course = GAME_COURSE
    elif model.part(Evolution):
        course = EVOLUTION_COURSE
    elif not model.part(StateModel):
        course = NETWORK_COURSE
    else:
        course = CIRCUIT_COURSE if model.part(Circuit) else PRODUCT_COURSE
    together = len(study.modalities) > 1
    return capitalise(
        course.format(
            names=names,
            become="become quantum states" if together else "becomes a quantum state",
            evolve="evolve together" if together else "evolves",
            are="are" if together else "is",
            how="given" if getattr(model, "is_given", False) else "learned",
            jumps=" with quantum jumps" if getattr(model, "jump_count", 0) else "",
        )
    )


def describe_system(study: Study) -> str:
    """Return a description of a model, in two or three sentences of Markdown."""
    model: Any = study.model
    title = f"**{text.escape_markdown(study.card.get('title') or study.name)}**"
    target = text.escape_markdown(study.dataset.target.name)
    names = list_modalities(study)
    if not study.reads_features:
        return GAME.format(title=title, names=names, coalitions=len(study.coalitions))
    sentence = kind_text(model.kind).sentence
    if sentence:
        return f"{title} {sentence.format(names=names, target=target, dims=_dims(model))}"
    if study.model.part(Evolution):
        return QUANTUM_JUMP.format(
            title=title,
            names=names,
            target=target,
            dims=_dims(model),
            jumps=count(model.jump_count, "learned jump operator"),
        )
    if not study.model.part(StateModel):
        return NETWORK.format(
            title=title, names=names, target=target, kind=text.escape_markdown(model.kind)
        )
    classes = model.elements_are_classes
    elements = (
        count(model.elements, "class", "classes") if classes else count(model.elements, "element")
    )
    return ENTANGLED_QCNN.format(
        title=title,
        names=names,
        target=target,
        elements=elements,
        element="class" if classes else "element",
        parameters=study.card.get("parameters", {}).get("fusion", 0),
    )


def list_modalities(study: Study) -> str:
    """Return the names of the modalities as a list in a sentence."""
    return listed(list(map(text.escape_markdown, study.modalities)))


def _dims(model: Any) -> str:
    return " × ".join(str(d) for d in getattr(model, "dims", ()))


def describe_features(study: Study) -> str:
    """Return how many features a sample has: per step of sequences, in all of vectors."""
    parts = []
    for unit, is_sequence in ((PER_STEP, True), (IN_ALL, False)):
        sizes = [
            f"{text.escape_markdown(modality.name)} {modality.size}"
            for modality in study.dataset.modalities
            if modality.is_sequence == is_sequence
        ]
        if sizes:
            parts.append(f"{', '.join(sizes)} {unit}")
    return "; ".join(parts)


def pipeline_stages(study: Study) -> tuple[Stage, ...]:
    """Return the stages from features to the decision, each with the page that shows it."""
    if not study.reads_features:
        return _game_stages(study)
    start = Stage("Features", describe_features(study), "pages/samples.py", "See a sample", {})
    if study.model.part(Evolution):
        stages = _evolution_stages(study)
    elif not study.model.part(StateModel):
        stages = _network_stages(study)
    elif study.model.part(TruthTables):
        stages = _circuit_stages(study)
    else:
        stages = _product_stages(study)
    return (start, *stages)


def _game_stages(study: Study) -> tuple[Stage, ...]:
    values = COALITION_VALUES.format(coalitions=len(study.coalitions))
    return (
        Stage("Values", values, "pages/data.py", "See the data", {}),
        _decision(study, ADDITIVE),
    )


def _decision(study: Study, read_out: str) -> Stage:
    name = "Log-odds" if study.classes else "Score"
    return Stage(name, read_out, "pages/samples.py", "See the decision", {})


def _states(study: Study) -> str:
    return STATES.format(dims=", ".join(map(str, getattr(study.model, "dims", ()))))


def _evolution_stages(study: Study) -> tuple[Stage, ...]:
    model: Any = study.model
    evolution = EVOLUTION.format(
        jumps=count(model.jump_count, "jump operator"),
        levels=math.prod(model.dims),
        duration=model.duration,
    )
    dynamics, how = "pages/dynamics.py", "given" if model.is_given else "learned"
    return (
        Stage("States", _states(study), dynamics, "See the state", {"show": "State"}),
        Stage("Evolution", evolution, dynamics, "Change parameters", {"show": "Decision"}),
        Stage("One step", STEP.format(how=how), "pages/circuit.py", "See the circuit", {}),
        _decision(study, LINEAR_READ_OUT.format(read_out=describe_read_out(model))),
    )


def _network_stages(study: Study) -> tuple[Stage, ...]:
    model: Any = study.model
    encoders, fusion = ENCODERS, FUSION_NETWORK.format(kind=model.kind)
    if program := getattr(model, "program", None):
        encoders, fusion = NO_ENCODERS, PROGRAM.format(file=text.escape_markdown(program.file))
    return (
        Stage("Encoders", encoders, "pages/what_if.py", "Change an input", {}),
        Stage("Fusion", fusion, "pages/faithfulness.py", "See its reliability", {}),
        _decision(study, ADDITIVE),
    )


def _product_stages(study: Study) -> tuple[Stage, ...]:
    return (
        Stage("States", _states(study), "pages/what_if.py", "Change a state", {}),
        Stage("Read-out", PRODUCT_READ_OUT, "pages/operators.py", "See the votes", {}),
        _decision(study, ADDITIVE),
    )


def _circuit_stages(study: Study) -> tuple[Stage, ...]:
    model: Any = study.model
    network, stages = model.network, stage_sizes(len(study.modalities))
    kinds = [step.kind for step in network.steps]
    tables = TABLES.format(
        elements=model.elements,
        angles=2 ** stages[0],
        stages=STAGES.format(stages=len(stages)) if len(stages) > 1 else "",
    )
    convolutions = CONVOLUTIONS.format(
        convolutions=kinds.count("conv"),
        block=network.block,
        poolings=kinds.count("pool"),
        qubits=model.elements,
    )
    read_out = QUBIT_READ_OUT if network.read_singly else RETAINED_READ_OUT
    read_out = read_out.format(retained=len(network.retained), measured=len(network.measured))
    angles = ANGLES.format(elements=model.elements)
    circuit = "pages/circuit.py"
    return (
        Stage("Angles", angles, "pages/samples.py", "See the masses", {}),
        Stage("Fusion", tables, circuit, "Edit the rules", {"rules": "Fusion rules"}),
        Stage("Network", convolutions, circuit, "Walk through it", {"rules": "Walk"}),
        _decision(study, read_out),
    )


def describe_read_out(model: Any) -> str:
    """Return the number of measurement vectors of a model, and the states that they measure."""
    read = model.measurement_vectors()
    s, vectors = next(iter(read.items()))
    if len(read) > 1 and (len(read) < len(model.dims) or len({*map(len, read.values())}) > 1):
        places = [
            JOINT_STATE
            if len(s) == len(model.dims)
            else text.escape_markdown(model.modalities[s[0]])
            for s in read
        ]
        return VECTORS.format(vectors=_vectors(sum(map(len, read.values()))), place=listed(places))
    if len(read) > 1:
        return VECTORS_EACH.format(vectors=_vectors(len(vectors)))
    if len(s) == len(model.dims):
        place = JOINT_STATE
    else:
        place = ONE_STATE.format(modality=text.escape_markdown(model.modalities[s[0]]))
    return VECTORS.format(vectors=_vectors(len(vectors)), place=place)


def _vectors(number: int) -> str:
    return count(number, "measurement vector")


def describe_base_rates(study: Study) -> str:
    """Return what the baseline means where training classes are imbalanced, as Markdown, else an empty string."""
    y = study.dataset.y[study.dataset.rows(training_split(study.card))]
    if not study.classes or not len(y):
        return ""
    shares = np.bincount(y[y >= 0], minlength=len(study.classes)) / len(y)
    most, least = int(shares.argmax()), int(shares.argmin())
    if shares[most] < IMBALANCED * shares[least]:
        return ""
    return BASE_RATES.format(
        most=share(shares[most]),
        frequent=text.escape_markdown(study.classes[most]),
        least=share(shares[least]),
        rare=text.escape_markdown(study.classes[least]),
    )


def model_card_rows(study: Study) -> dict[str, Any]:
    """Return the rows of the model card by their headings."""
    card, model = study.card, study.model
    parameters = card.get("parameters", {})
    rows: dict[str, Any] = {"checkpoint": study.name, "kind": card.get("model", model.kind)}
    if not study.reads_features:
        return {
            "name": study.name,
            "kind": rows["kind"],
            "source": card.get("game", {}).get("source", ""),
            "players": ", ".join(study.modalities),
            "coalitions": f"{len(study.coalitions):,}",
            "values": str(card.get("weights_sha256", ""))[:12],
        }
    if study.model.part(Evolution):
        rows |= {
            "state dimensions": _dims(model),
            "jump operators": model.jump_count,
            "read-out": describe_read_out(model),
            "duration T": f"{model.duration:g}",
        }
    elif study.model.part(KetStates):
        rows |= {"state dimensions": _dims(model)}
    elif study.model.part(TruthTables):
        rows |= _circuit_rows(study)
    if study.model.part(EditableCircuit):
        rows |= {
            "qubits": ", ".join(f"{name} {n}" for name, n in model.registers().items()),
            "gates": len(model.gate_roles()),
            "trainable angles": model.source.facts.angles,
        }
    return rows | {
        "parameters in total": f"{parameters.get('total', 0):,}",
        "parameters after the encoders": f"{parameters.get('fusion', 0):,}",
        "weights": str(card.get("weights_sha256", ""))[:12],
    }


def _circuit_rows(study: Study) -> dict[str, Any]:
    model: Any = study.model
    network, settings = model.network, model.settings
    rule = ("frozen at " if settings.get("freeze_rule") else "started at ") + str(
        settings.get("rule")
    )
    if settings.get("tables") == "separate":
        rule += ", one rotation per modality"
    M = len(study.modalities)
    pooling = ", ".join(
        f"{gate} if {outcome}" for outcome, gate in enumerate(network.pooling_gates)
    )
    return {
        "elements": f"{model.elements} ({'the classes' if model.elements_are_classes else 'learned'})",
        "fusion rule": rule,
        "convolution block": f"{network.block} ({BLOCKS[network.block].parameters} parameters)",
        "pooling": f"{network.circuit_pooling} ({pooling})",
        "head reads": "all qubits" if network.read_singly else "retained qubits",
        "qubits": model.elements * (M + len(stage_sizes(M))),
        "operations": f"{model.elements} fusion gates, {len(network.steps)} steps of the network",
    }


def seed_suffix(model: Study | Checkpoint) -> str:
    """Return the suffix of a test metric of the loaded weights if the card has several training seeds, else an empty
    string.
    """
    return THIS_SEED if len(model.card.get("seeds", [])) > 1 else ""


MEASURED_GAME = "Measured elsewhere, and imported from {source}."


def describe_notes(card: Mapping[str, Any]) -> str:
    """Return the notes of a model's card: its own, and the source of a measured game."""
    parts = [
        str(card.get("notes") or ""),
        _game_note(card),
    ]
    return " ".join(filter(None, parts))


@default_on_error("")
def _game_note(card: Mapping[str, Any]) -> str:
    record = card.get("game")
    if not isinstance(record, Mapping):
        return ""
    return " ".join([MEASURED_GAME.format(source=record["source"]), *map(str, record["remarks"])])
