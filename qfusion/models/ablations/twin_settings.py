"""Resources that a twin of a quantum model lacks."""

from typing import Any, Literal

from pydantic import Field

COHERENCE: Literal["coherence"] = "coherence"
ENTANGLEMENT: Literal["entanglement"] = "entanglement"
LEARNING: Literal["learning"] = "learning"
NOTHING: Literal["nothing"] = "nothing"
# title and description of the setting `lacks`
LACKS: Any = Field(
    title="Missing resource",
    description="The resource that a twin lacks: coherence, entanglement or learned dynamics; for the coherent QCNN "
    "entanglement, or nothing.",
)
