"""Ways to bring a model of one's own, with a snippet for each, and what pages show of such a model."""

from typing import Any, NamedTuple

from qfusion.models.protocols import Circuit, EditableCircuit, Evolution, StateModel


class Way(NamedTuple):
    """A way to bring a model.

    Attributes:
        title: name in a list.
        summary: a sentence, as Markdown.
        snippet: to be copied. language: of the snippet, "python" or "bash".
    """

    title: str
    summary: str
    snippet: str
    language: str = "python"


WAYS = (
    Way(
        "PyTorch",
        "Any module or function from modalities to scores, as it stands. It stays in your own process.",
        """import qfusion
from model import model  # model(text=..., audio=...) -> scores

data = {"text": X_text, "audio": X_audio, "y": y}
study = qfusion.open(model, data)
qfusion.show(study)""",
    ),
    Way(
        "PennyLane",
        "The same call. QNodes inside the model are recorded, so the Circuit page shows every gate.",
        """import qfusion
from model import model  # with a QNode or qml.qnn.TorchLayer

data = {"text": X_text, "audio": X_audio, "y": y}
qfusion.show(model, data, wires={"text": [0, 1], "audio": [2, 3]})""",
    ),
    Way(
        "scikit-learn",
        "A fitted estimator or pipeline on the features of all modalities side by side.",
        """import qfusion

qfusion.show(pipeline, {"text": X_text, "audio": X_audio, "y": y})""",
    ),
    Way(
        "QuTiP",
        "Any Hamiltonian and jump operators; with a function from features to modality states, or alone.",
        """import qfusion

model = qfusion.lindblad_model(H, [L1, L2], encode, {"score": Z}, T=2.0)
qfusion.show(model, data)
qfusion.show(H)  # basis states as samples""",
    ),
)

# What needs a part beside contributions, verdicts, cohorts, comparisons and reports, which every model has.
_NEEDS: tuple[tuple[str, type, str], ...] = (
    (
        "the Circuit page",
        Circuit,
        "no circuit of gates was found in it",
    ),
    ("edits of gates, noise and shots", EditableCircuit, "its gates cannot be changed from here"),
    (
        "the Dynamics page",
        Evolution,
        "it has no evolution in time; `qfusion.lindblad_model` has one",
    ),
    (
        "Decision operators",
        StateModel,
        "its scores are not known to be linear in states of the modalities",
    ),
)


def describe_parts(model: Any) -> str:
    """Return what pages show of a model of a user's own, and why other pages are missing, as Markdown."""
    has = ["contributions, verdicts, cohorts, comparisons and reports"]
    lacks = []
    for what, protocol, why in _NEEDS:
        if model.part(protocol):
            has.append(what)
        elif protocol is not EditableCircuit or model.part(Circuit):
            lacks.append(f"{what} ({why})")
    return f"**Has** {'; '.join(has)}." + (f"  \n**Lacks** {'; '.join(lacks)}." if lacks else "")
