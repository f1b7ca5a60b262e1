"""Studies: a trained model on a data set, with the numbers of every page, computed once and shared. Contains no
Streamlit, no figures, and no explanation methods, which are in `explain`."""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion.study.opening import open_sample, open_study
    from qfusion.study.sample import Sample


__all__ = ["Sample", "open_sample", "open_study"]

_CONTENTS = {
    "Sample": "qfusion.study.sample",
    "open_sample": "qfusion.study.opening",
    "open_study": "qfusion.study.opening",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
