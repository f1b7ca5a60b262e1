"""Programs: models as files of other formats, `.pt2` of torch.export and ONNX, read and written.

They are the command `model`, the way *File* of Train, and the format `torch` of `export`.
"""

from pathlib import Path

from qfusion.plugin import Command, Format, Plugin, Tab

_ONNX = ("An ONNX model", "onnx")

PLUGIN = Plugin(
    "programs",
    commands={"model": Command("qfusion.plugins.programs.command:app")},
    formats=(
        Format(
            "imported",
            "Imported program",
            "A program of torch.export or an ONNX model, and a card of its inputs and outputs.",
            (".pt2", ".onnx"),
            read="qfusion.plugins.programs.imported:from_card",
        ),
        Format(
            "torch",
            "PyTorch program",
            "The way from features to scores, for any batch of samples; loading it needs torch and nothing else.",
            (".pt2",),
            write="qfusion.plugins.programs.torch_program:program_bytes",
            needs=("qfusion.models.protocols:KetStates", "qfusion.models.protocols:MassStates"),
        ),
    ),
    extras={"onnx": _ONNX, "onnxruntime": _ONNX},
    tabs=(Tab("train", "File", "qfusion.plugins.programs.tab:draw_tab"),),
    assets=Path(__file__).parent / "assets",
)
