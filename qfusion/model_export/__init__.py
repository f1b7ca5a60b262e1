"""Models and samples as files for other programs: checkpoints, QuTiP objects, OpenQASM, NumPy arrays.

from qfusion import data, model_export
from qfusion.training import checkpoint
trained = checkpoint.load("qj-planted")
model_export.file_bytes("checkpoint", trained, data.load("planted"))
"""

from qfusion._lazy import modules
from qfusion.errors import translate_import_errors

with translate_import_errors():
    from qfusion.model_export.formats import (
        FORMATS,
        PRECISIONS,
        Format,
        file_bytes,
        unsupported_reason,
    )
    from qfusion.model_export.numpy_arrays import arrays_bytes
    from qfusion.model_export.qutip_file import qutip_bytes
    from qfusion.model_export.tweaked_checkpoint import (
        add_to_own_models,
        bake_tweak,
        save_checkpoint,
        validate_name,
        zip_checkpoint,
    )

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
