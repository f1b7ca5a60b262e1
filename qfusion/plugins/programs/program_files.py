"""Files of programs: which kind a file is of, and the program in it."""

from qfusion._checks import check
from qfusion.plugins.programs.program import Program

ENDINGS = {"torch": ".pt2", "onnx": ".onnx"}  # by the kind of a program
MAX_SIZE = 1 << 30  # bytes of a file


def open_program(data: bytes, file: str) -> Program:
    """Return the program in a file, with its kind detected from the bytes. Loading a program of torch.export runs
    what its file holds; an ONNX model runs nothing but its operators.

    Args:
        data: of the file. file: its name, for messages.

    Raises:
        InvalidInput: when it is neither a program of torch.export nor an ONNX model, or cannot be loaded.
        MissingPackage: when what an ONNX model needs is not installed.
    """
    check(
        len(data) <= MAX_SIZE,
        f"Program `{file}` has {len(data) / 2**30:.1f} GiB, but at most "
        f"{MAX_SIZE / 2**30:.0f} are read. Export a smaller model.",
    )
    kind = program_kind(data)
    check(
        kind != "",
        f"File `{file}` is neither a program of torch.export (.pt2) nor an ONNX model (.onnx). Export the model as "
        "one of these, or import it by its factory, PACKAGE.MODULE:FACTORY.",
    )
    if kind == "torch":
        from qfusion.plugins.programs.program_torch import TorchProgram

        return TorchProgram(data, file)
    from qfusion.plugins.programs.program_onnx import OnnxProgram

    return OnnxProgram(data, file)


def program_kind(data: bytes) -> str:
    """Return the kind of a program according to its first bytes, "torch" or "onnx", or an empty text if it is
    neither.
    """
    if data[:4] == b"PK\x03\x04":
        return "torch"
    return "onnx" if data[:1] in (b"\x08", b"\x12", b"\x1a", b"\x3a", b"\x42") else ""
