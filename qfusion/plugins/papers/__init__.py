"""Papers: published models, their reproduction, the leaderboard and the claims that it tests.

They are the page Leaderboard and the command `reproduce`.
"""

from pathlib import Path

from qfusion.plugin import Command, Page, Plugin

_MODELS = "qfusion.plugins.papers.models"
ASSETS = Path(__file__).parent / "assets"

PLUGIN = Plugin(
    "papers",
    requires=("why",),
    commands={
        "reproduce": Command(
            "qfusion.plugins.papers.command:reproduce",
            [
                "reproduce",
                "reproduce qinn-qj --data mosi --pdf qinn-qj.pdf --jobs 2",
                "reproduce entangled-qcnn --data digits --out digits.json",
                "reproduce leaderboard --data planted --seeds 3",
            ],
        )
    },
    models={
        "qfl": f"{_MODELS}.quantum_fusion_layer:QuantumFusionLayer",
        "cross-attention-q": f"{_MODELS}.quantum_cross_attention:QuantumCrossAttention",
        "vqc-mlpnet": f"{_MODELS}.circuit_weights:CircuitWeights",
        "quantum-lego": f"{_MODELS}.quantum_lego:QuantumLego",
        "unitary-fusion": f"{_MODELS}.unitary_fusion:UnitaryFusion",
        "reservoir": f"{_MODELS}.reservoir:Reservoir",
    },
    pages=(
        Page(
            "Leaderboard",
            "Which model is best on which data, and at what number of parameters?",
            "qfusion.plugins.papers.page:page",
            group="Build",
            icon=":material/leaderboard:",
            file="pages/leaderboard.py",
            has_model=False,
        ),
    ),
    panels={"leaderboard": "qfusion.plugins.papers.panels"},
    assets=ASSETS,
)
