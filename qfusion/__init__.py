"""Quantum-inspired multimodal fusion models whose decisions can be explored.

    import qfusion

    planted = qfusion.load("planted")
    mine = qfusion.train("quantum-jump", planted, options={"epochs": 3}).checkpoint("mine")
    sample = qfusion.study.open_sample(mine, "p0031", planted)
    tracked = qfusion.simulate.track_sample(sample)
    view = sample.show("waterfall")

Everything here is loaded when it is first asked for, so `import qfusion` itself loads none of the engines.
"""

# checkers read it as True, and importing `typing` for it would take ten times as long as all else here
TYPE_CHECKING = False
if TYPE_CHECKING:
    from qfusion import (
        adapters,
        citations,
        data,
        errors,
        explain,
        figures,
        model_export,
        models,
        quantum,
        report,
        runs,
        simulate,
        study,
        training,
        views,
    )
    from qfusion.adapters import open, open_circuit, show
    from qfusion.data import load
    from qfusion.training import train

__version__ = "1.0.0"
__all__ = [
    "adapters",
    "study",
    "citations",
    "data",
    "errors",
    "explain",
    "figures",
    "load",
    "model_export",
    "models",
    "open",
    "open_circuit",
    "quantum",
    "report",
    "runs",
    "show",
    "simulate",
    "train",
    "training",
    "views",
]

_FUNCTIONS = {
    "load": "qfusion.data",
    "open": "qfusion.adapters",
    "open_circuit": "qfusion.adapters",
    "show": "qfusion.adapters",
    "train": "qfusion.training",
}

if not TYPE_CHECKING:  # a checker would take any name for one of these

    def __getattr__(name: str) -> object:
        """Return a part of the library, which is loaded now."""
        if name not in __all__:
            raise AttributeError(f"module 'qfusion' has no attribute {name!r}")
        from qfusion._lazy import load

        module = load(_FUNCTIONS.get(name, f"qfusion.{name}"))
        if name in _FUNCTIONS:
            module = globals()[name] = getattr(module, name)
        return module


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
