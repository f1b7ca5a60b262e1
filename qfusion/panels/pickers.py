"""The choices of every page that shows a model: model, data set, sample, output, background."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from qfusion import data
from qfusion._checks import choose
from qfusion.analysis import background_choice, opening, outputs, sample_examples
from qfusion.analysis.study import Study
from qfusion.analysis.study_building import find_misfit
from qfusion.errors import NotFound, QFusionError, default_on_error
from qfusion.panels.page_state import PREDICTED
from qfusion.panels.params import SampleParam, SelectParam, TextParam
from qfusion.panels.pins import Pin
from qfusion.panels.tweak_limits import parse_tweak
from qfusion.training import checkpoint_cards
from qfusion.wording import list_names

MOST_PAIRS = 30  # classes of which every pair is offered


DEFAULT_MODEL = "qj-scenes"  # the model that is shown by default


def models() -> list[str]:
    """Return the names of the checkpoints that pages can show, the default one first.

    Raises:
        NotFound: when there is none.
    """
    names = checkpoint_cards.available()
    if not names:
        raise NotFound(
            "There is no trained model yet. Train the shipped ones with `python scripts/train_models.py`."
        )
    return sorted(names, key=lambda name: (name != DEFAULT_MODEL, name))


def model_names() -> dict[str, list_names.ModelName]:
    """Return the names of all models in lists, by id, grouped by system."""
    names = [
        list_names.name_model(name, _readable_card(path), shipped=checkpoint_cards.is_shipped(path))
        for name, path in checkpoint_cards.card_paths().items()
    ]
    return {name.id: name for name in sorted(names)}


@default_on_error({})
def _readable_card(path: Path) -> Mapping[str, Any]:
    return checkpoint_cards.read_card(path)


def data_names() -> dict[str, str]:
    """Return the names in lists of the data sets that are on this machine, by id."""
    return {name: list_names.with_id(title, name) for name, title in data_titles().items()}


def data_titles() -> dict[str, str]:
    """Return the titles of the data sets that are on this machine, by id."""
    return {source.name: source.title for source in data.available() if source.available}


def sources() -> list[str]:
    """Return names of the data sets that are on this machine."""
    return [source.name for source in data.available() if source.available]


def sources_with_features() -> list[str]:
    """Return names of the data sets on this machine that models can be trained on: all but measured games."""
    return [name for name in sources() if not data.registry.is_game(name)]


def test_data(name: str) -> None:
    """Raise NotFound if there is no data set of this name on this machine."""
    known = {source.name: source for source in data.available()}
    result = known[choose("Data set", name, known)]
    if not result.available:
        raise NotFound(f"Data set '{name}' is not on this machine. {result.reason} {result.remedy}")


# What a reader chooses on every page that shows a model; "cohort" and "pin" have no widget.
MODEL = SelectParam(
    "model",
    "Model",
    "The default model is shown.",
    "A trained checkpoint. Data set and test metrics follow it.",
    lambda _: models(),
    style={"width": 190},
    titles=lambda: {name: shown.option for name, shown in model_names().items()},
)
DATA = TextParam(
    "data",
    "Data",
    "The model's own data are shown.",
    "A data set on this machine. The model follows it.",
    test=lambda _, name: test_data(name),
    style={"width": 160},
)
SAMPLE = SampleParam("sample", "Sample", "A default sample is shown.", style={"width": 170})
OUTPUT = SelectParam(
    "output",
    "Explain",
    "The predicted class is explained.",
    "Contributions sum to the log-odds of this class against all others, or of class A against B "
    "(written A:B).",
    lambda study: [PREDICTED, *offered_outputs(study.classes)],
    fits=lambda study: bool(study.classes),
    style={"width": 150},
)
BACKGROUND = SelectParam(
    "background",
    "Compared with",
    "The default background is used.",
    "Replacement of absent modalities when contributions are computed: the training samples with "
    "each modality drawn independently (product of marginals); the training samples as they are; "
    "maximally mixed states; the reference state |0⟩; one other sample, for “why this decision "
    "rather than that one?”; or a cohort saved on the Cohorts page.",
    meanings=background_choice.OFFERED,
    style={"width": 190},
)
CONTRAST = SampleParam(
    "contrast", "Rather than sample", "Another sample is the background.", style={"width": 170}
)
MEMBERS = SelectParam(
    "members", "Cohort", "The first saved cohort is the background.", style={"width": 170}
)
ROWS = SelectParam(
    "rows", "Rows", "Some of the rows are used.", values=(background_choice.ALL_ROWS,)
)
PICKERS = (MODEL, DATA, SAMPLE, OUTPUT, BACKGROUND, CONTRAST, MEMBERS, ROWS)
KEYS = (*(control.key for control in PICKERS), "cohort", "pin")


def offered_outputs(classes: Sequence[str]) -> list[str]:
    """Return the texts of all classes, and of all pairs of more than two, see `analysis.outputs`."""
    names = tuple(classes)
    texts = [*names]
    if 2 < len(names) <= MOST_PAIRS:
        pairs = itertools.permutations(range(len(names)), 2)
        texts += [str(outputs.Output(first, second, names)) for first, second in pairs]
    return texts


def own_data(model: str) -> str:
    """Return the name of the data set that a model was trained on."""
    return str(opening.load_checkpoint(model).card["data"]["name"])


def offered_models(known: Collection[str]) -> list[str]:
    """Return the models that menus offer: those trained on one of the `known` data sets, and damaged ones, which are
    named when they are picked.
    """
    cards = checkpoint_cards.card_paths()
    data = {name: _readable_card(cards[name]).get("data", {}).get("name") for name in models()}
    return [name for name, own in data.items() if own is None or own in known]


def trained_models(data_name: str) -> Iterator[str]:
    """Yield the models that were trained on a data set."""
    for name in models():
        with suppress(QFusionError):  # a damaged checkpoint is named when it is picked
            # the card says it without the weights, which are read of a model that could be one
            if checkpoint_cards.load_card(name)["data"]["name"] == data_name == own_data(name):
                yield name


@default_on_error("")
def misfit(model: str, data_name: str) -> str:
    """Return why a model does not fit a data set; empty when it does or either cannot be loaded, which shows later.
    Both are names: readers give them."""
    choose("Model", model, models())
    choose("Data set", data_name, sources())
    return find_misfit(dict(opening.load_checkpoint(model).card), data.load(data_name))


def default_sample(study: Study) -> str:
    """Return the sample with which a page opens: the one that the model's card names, or else the most telling
    conflict, or else the first of the other examples, or else the first test sample.
    """
    if named := study.dataset.known_ids([str(study.card.get("opening", ""))]):
        return named[0]
    if study.opening_sample:
        return study.opening_sample
    examples = sample_examples.find_examples(study)
    if not examples:
        return str(study.dataset.ids[study.dataset.rows("test")[0]])
    return next((one for one in examples if one.kind == "conflict"), examples[0]).sample


def resolve_pin(pin: Pin) -> tuple[Study, int]:
    """Return the model on its data and the row that a pin names.

    Raises:
        NotFound: when there is no such model, data set or sample here.
        InvalidInput: when the model does not take the data, or the tweak does not fit the model.
    """
    choose("Model", pin.model, models())
    choose("Data set", pin.data, sources())
    study = opening.open_study(pin.model, pin.data)
    parse_tweak(study, pin.tweak)
    return study, study.dataset.row(pin.sample)
