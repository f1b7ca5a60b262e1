"""The command lines that a report shows, by which a reader reproduces it."""

import shlex

from qfusion.analysis import outputs
from qfusion.analysis.sample import Sample
from qfusion.explain import backgrounds


def reproduction_lines(sample: Sample) -> str:
    """Return the commands that write the same report and the same numbers.

    For a sample that commands cannot open it is the call of Python instead.
    """
    if not has_command(sample):
        return _open_sample_call(sample)
    words = ("--sample", sample.id, *output_options(sample))
    report = f"{command_line(sample, 'report', *words)} --out report.html"
    if sample.tweak_text:
        return report
    return f"{report}\n{command_line(sample, 'explain', *words)} --json"


def _open_sample_call(sample: Sample) -> str:
    """Return the call of `analysis.open_sample` that opens a sample."""
    background = sample.background
    arguments = {"output": output_argument(sample)}
    if background.kind not in (backgrounds.DEFAULT, "contrast"):
        arguments["background"] = background.kind
    if background.kind == "contrast":
        arguments["contrast"] = background.label
    if background.kind == "cohort":
        arguments["members"] = f"{background.label}:FILTER"
    if sample.tweak_text:
        arguments["tweak"] = sample.tweak_text
    positional = f"{sample.name!r}, {sample.id!r}, {sample.dataset.name!r}"
    named = "".join(f", {name}={value!r}" for name, value in arguments.items() if value)
    return f"qfusion.analysis.open_sample({positional}{named})"


def command_line(sample: Sample, name: str, *words: str) -> str:
    """Return a command about the model, the data and the background of a sample.

    Args:
        name: of the command.
        words: further arguments, before those of the background. The background must not be a stored cohort.
    """
    background = sample.background
    if background.kind == "contrast":
        background_words = ["--contrast", background.label]
    elif background.kind == backgrounds.DEFAULT:
        background_words = []
    else:
        background_words = ["--background", background.kind]
    arguments = ["--model", sample.name, "--data", sample.dataset.name, *words, *background_words]
    return f"python -m qfusion {name} {shlex.join(arguments)}"


def has_command(sample: Sample) -> bool:
    """Return whether commands can open a sample.

    They cannot open a reader's own sample, nor compare with a stored cohort.
    """
    return not sample.is_own and sample.background.kind != "cohort"


def output_options(sample: Sample) -> list[str]:
    """Return the options of a command for the explained output of a sample and for its tweak."""
    words = []
    if sample.classes:
        words += ["--output", output_argument(sample)]
    if sample.tweak_text:
        words += ["--tweak", sample.tweak_text]
    return words


def output_argument(sample: Sample) -> str:
    """Return the text from which `outputs.parse` reads the explained output."""
    if not sample.classes:
        return str(sample.explanation.outputs[sample.output])
    return str(outputs.Output(sample.output, sample.study.reference, sample.classes))
