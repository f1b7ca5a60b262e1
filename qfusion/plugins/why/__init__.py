"""Why fuse: whether data, model and its quantum part need fusion, and which piece of the model performs it."""

from pathlib import Path

from qfusion.plugin import Command, Page, Plugin, Tab

_TWINS = "qfusion.plugins.why.audit.twins"

PLUGIN = Plugin(
    "why",
    commands={
        "why": Command(
            "qfusion.plugins.why.command:why",
            [
                "why --data parity",
                "why --model qj-planted --json",
                "why --model qj-planted --patch ID ID --smallest",
                "why --model qcnn-avdigits --groups ID --json",
            ],
        ),
        "cut": Command(
            "qfusion.plugins.why.cuts.command:cut",
            [
                "cut --model qj-planted --sample ID --modality text",
                "cut --model qj-parity --sample ID --times 51 --json",
            ],
        ),
    },
    models={
        "jump-twin": f"{_TWINS}:JumpTwin",
        "jump-mean-field": f"{_TWINS}:MeanFieldJump",
        "qcnn-dephased": f"{_TWINS}:DephasedQCNN",
        "qcnn-coherent": f"{_TWINS}:CoherentQCNN",
    },
    pages=(
        Page(
            "Why fuse",
            "Do fusion and the quantum part matter for these data and this model, and which parts are responsible?",
            "qfusion.plugins.why.page:page",
            icon=":material/merge:",
            file="pages/why_fuse.py",
        ),
    ),
    panels={
        "why fuse": "qfusion.plugins.why.panels",
        "data": "qfusion.plugins.why.information.data_fusion",
        "dynamics": "qfusion.plugins.why.cuts.correlation_removal",
        "cohorts": "qfusion.plugins.why.cuts.cohort_cuts",
    },
    tabs=(
        Tab(
            "data",
            "Need for fusion",
            "qfusion.plugins.why.information.fusion_needs_section:data_section",
        ),
        Tab("cohorts", "Correlation cuts", "qfusion.plugins.why.cuts.cohort_section:cuts"),
    ),
    assets=Path(__file__).parent / "assets",
)
