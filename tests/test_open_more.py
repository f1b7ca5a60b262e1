"""What users try with `qfusion.open`: forms of data and models that work, and errors that say what to do."""

from __future__ import annotations

import copy
import functools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset

import qfusion
from qfusion.data import Audio, Image, Text
from qfusion.data.in_memory import data_set_of
from qfusion.data.readers.session import Description, read_session
from qfusion.data.targets import Targets, encode_targets
from qfusion.errors import InvalidInput, NotFound
from qfusion.study import attribution, what_if
from tests.support import own_models

N = 60
RANDOM = np.random.default_rng(0)
LEFT = RANDOM.normal(size=(N, 4)).astype(np.float32)
RIGHT = RANDOM.normal(size=(N, 3)).astype(np.float32)
Y = (LEFT[:, 0] * RIGHT[:, 0] > 0).astype(int)
DATA = {"left": LEFT, "right": RIGHT, "y": Y}
NAMES = np.where(Y == 1, "yes", "no")
AMOUNTS = 2 * LEFT[:, 0] + RIGHT[:, 1]
STEPS = [RANDOM.normal(size=(RANDOM.integers(2, 7), 5)).astype(np.float32) for _ in range(N)]
MASK = np.zeros((N, 6), int)
PADDED = np.zeros((N, 6, 5), np.float32)
for _row, _steps in enumerate(STEPS):
    PADDED[_row, : len(_steps)], MASK[_row, : len(_steps)] = _steps, 1
TOKENS = RANDOM.integers(1, 20, (N, 6))


def scores(left: Tensor, right: Tensor) -> Tensor:
    return torch.stack([left[:, 0] * right[:, 0], right[:, 1]], 1)


def amount(left: Tensor, right: Tensor) -> Tensor:
    return left[:, 0] + right[:, 1]


def dividends(study: Any, row: int = 7) -> dict[str, float]:
    return study.sample(str(study.dataset.ids[row])).dividends


@pytest.fixture(scope="module")
def expected() -> dict[str, float]:
    return dividends(qfusion.open(scores, DATA))


class Net(nn.Module):
    """A network with batch normalisation and dropout."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm = nn.Linear(7, 8), nn.BatchNorm1d(8)
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(8, 2)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        hidden = torch.relu(self.norm(self.first(torch.cat([left, right], 1))))
        return self.last(self.drop(hidden))

    def decide(self, left: Tensor, right: Tensor) -> Tensor:
        return self(left, right)


class Reader(nn.Module):
    """A network that needs the mask of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.last = nn.Embedding(20, 5), nn.Linear(9, 2)

    def pool(self, text: Tensor, audio: Tensor, mask: Tensor) -> Tensor:
        weights = mask[..., None] / mask.sum(1)[:, None, None]
        return self.last(torch.cat([(text * weights).sum(1), audio], 1))

    def forward(self, text: Tensor, audio: Tensor, text_mask: Tensor) -> Tensor:
        return self.pool(text, audio, text_mask)


# Data


def _items() -> TensorDataset:
    return TensorDataset(torch.tensor(LEFT), torch.tensor(RIGHT), torch.tensor(Y))


def _halves() -> ConcatDataset[Any]:
    return ConcatDataset([Subset(_items(), range(30)), Subset(_items(), range(30, N))])


@pytest.mark.parametrize("data", [_items(), _halves(), (LEFT, RIGHT, Y)])
def test_items_without_names_are_named(data: Any, expected: dict[str, float]) -> None:
    study = qfusion.open(scores, data, modalities=["left", "right"])
    assert dividends(study) == pytest.approx(expected, abs=1e-12)
    unnamed = dividends(qfusion.open(scores, data))
    assert list(unnamed.values()) == pytest.approx(list(expected.values()), abs=1e-12)


def test_arrays_and_targets_as_a_tuple(expected: dict[str, float]) -> None:
    study = qfusion.open(scores, ({"left": LEFT, "right": RIGHT}, Y))
    assert dividends(study) == pytest.approx(expected, abs=1e-12)


def test_parts_of_the_split_by_name() -> None:
    items = [{"left": LEFT[k], "right": RIGHT[k], "label": int(Y[k])} for k in range(N)]
    study = qfusion.open(
        scores, {"train": items[:40], "validation": items[40:50], "test": items[50:]}
    )
    assert [len(study.dataset.rows(part)) for part in ("train", "valid", "test")] == [40, 10, 10]


def test_classes_of_a_dataset_of_hugging_face() -> None:
    class Rows(list):
        features = {"label": type("ClassLabel", (), {"names": ["no", "yes"]})()}

    rows = Rows({"left": LEFT[k], "right": RIGHT[k], "label": int(Y[k])} for k in range(N))
    assert qfusion.open(scores, rows).classes == ("no", "yes")


def test_modalities_of_a_dictionary_are_ordered() -> None:
    assert qfusion.open(scores, DATA, modalities=["right", "left"]).modalities == ("right", "left")


@pytest.mark.parametrize(
    ("shape", "stored"),
    [
        ((3, 8, 10), (8, 10, 3)),
        ((8, 10, 3), (8, 10, 3)),
        ((1, 8, 10), (8, 10)),
        ((8, 10, 1), (8, 10)),
        ((8, 8), (8, 8)),
        ((5, 8, 10), (5, 8, 10)),
    ],
)
def test_pictures_come_to_the_model_as_they_were_given(shape: Any, stored: Any) -> None:
    pictures = RANDOM.random((N, *shape)).astype(np.float32)
    weights = RANDOM.normal(size=(*shape, 2))

    flat = torch.from_numpy(weights).flatten(0, -2)

    def linear(picture: Tensor, left: Tensor) -> Tensor:
        assert picture.shape[1:] == shape
        return picture.double().flatten(1) @ flat + left[:, :2]

    study = qfusion.open(linear, {"picture": pictures, "left": LEFT, "y": Y})
    assert study.dataset.modalities[0].shape == stored
    by_hand = np.tensordot(pictures[7].astype(float), weights, len(shape)) + LEFT[7, :2]
    np.testing.assert_allclose(study.scores[7, 1], by_hand[1] - by_hand[0], atol=1e-5)
    content = study.dataset.content(7)
    assert ("picture" in content) == (len(stored) == 2 or stored[-1] == 3)


def test_a_model_may_take_pictures_as_vectors() -> None:
    pictures = RANDOM.random((N, 8, 8))
    net = nn.Linear(64, 2)
    study = qfusion.open(
        lambda picture, left: net(picture) + left[:, :2],
        {"picture": pictures, "left": LEFT, "y": Y},
    )
    assert study.dataset.modalities[0].size == 64


@pytest.mark.parametrize(
    "name", ["text_mask", "text_attention_mask", "text_lengths", "text_length"]
)
def test_masks_and_lengths_beside_padded_sequences(name: str) -> None:
    steps = MASK.sum(1) if "length" in name else MASK
    padded = np.where(MASK[..., None] == 1, PADDED, 9.0)
    study = qfusion.open(Reader(), {"text": padded, name: steps, "audio": LEFT, "y": Y})
    lists = qfusion.open(Reader(), {"text": STEPS, "audio": LEFT, "y": Y})
    assert study.modalities == ("text", "audio")
    assert dividends(study) == pytest.approx(dividends(lists), abs=1e-12)


def test_token_numbers_with_their_mask() -> None:
    class Tokens(Reader):
        def forward(self, input_ids: Tensor, attention_mask: Tensor, audio: Tensor) -> Tensor:
            return self.pool(self.embed(input_ids), audio, attention_mask)

    words = [[f"w{number}" for number in row] for row in TOKENS]
    data = {"input_ids": TOKENS, "attention_mask": MASK, "audio": LEFT, "y": Y}
    study = qfusion.open(Tokens(), data, contents={"input_ids": words})
    assert study.modalities == ("input_ids", "audio")
    assert "no gradients" in study.card["notes"]
    count = int(MASK[7].sum())
    assert study.dataset.content(7)["input_ids"].words == tuple(words[7][:count])

    inside = attribution.attribute(study, 7, "input_ids", "score", 1, "mean")
    assert not inside.converged
    assert inside.steps == 32
    assert not inside.values.any()

    class Steps(Reader):
        def forward(self, text: Tensor, audio: Tensor, text_mask: Tensor) -> Tensor:
            return self.pool(text @ self.embed.weight, audio, text_mask)

    one_hot = [np.eye(20)[row[: mask.sum()]] for row, mask in zip(TOKENS, MASK, strict=True)]
    other = qfusion.open(Steps(), {"text": one_hot, "audio": LEFT, "y": Y})
    assert list(dividends(study).values()) == pytest.approx(
        list(dividends(other).values()), abs=1e-10
    )
    ragged = {**data, "input_ids": [row[: m.sum()] for row, m in zip(TOKENS, MASK, strict=True)]}
    del ragged["attention_mask"]
    assert dividends(qfusion.open(Tokens(), ragged)) == pytest.approx(dividends(study), abs=1e-12)


def test_masks_of_pictures_and_features_are_modalities() -> None:
    pictures, gaps = RANDOM.random((N, 8, 8)), (RANDOM.random((N, 4)) > 0.5).astype(int)
    data = {"picture": pictures, "picture_mask": pictures > 0.5, "y": Y}
    assert data_set_of(data).names == ("picture", "picture_mask")
    assert data_set_of({**DATA, "left_mask": gaps}).names == ("left", "right", "left_mask")


def test_series_and_frames_are_entries(expected: dict[str, float]) -> None:
    data = {"left": FRAME.iloc[:, :4], "right": FRAME.iloc[:, 4:7], "y": FRAME["y"]}
    assert dividends(qfusion.open(scores, data)) == pytest.approx(expected, abs=1e-12)


def test_contents_of_every_kind() -> None:
    from PIL import Image as Pillow

    def shown(**contents: Any) -> Any:
        data = {**DATA, "note": [f"note {k}" for k in range(N)], "text": STEPS}
        return data_set_of(data, contents=contents).content(3)

    assert shown(left="note")["left"] == Text("note 3")
    words = [["a"] * len(steps) for steps in STEPS]
    assert shown(text=words)["text"].words == tuple(words[3])
    sound = {"array": np.zeros(50), "sampling_rate": 16000}
    assert isinstance(shown(left=[sound] * N)["left"], Audio)
    for picture in (
        np.ones((6, 7, 3), np.uint8),
        torch.ones(3, 6, 7),
        Pillow.fromarray(np.ones((6, 7, 3), np.uint8)),
    ):
        content = shown(left=[picture] * N)["left"]
        assert isinstance(content, Image)
        assert content.pixels.shape == (6, 7, 3)
        assert content.pixels.dtype == np.uint8
    assert "left" not in shown(left=[None] * N)


def test_columns_of_tables_are_contents(tmp_path: Any) -> None:
    frame = pd.DataFrame(
        {f"left_{k}": LEFT[:, k] for k in range(4)}
        | {"right_0": RIGHT[:, 0], "right_1": RIGHT[:, 1]}
    )
    frame["sentence"] = [f"sentence {k}" for k in range(N)]
    frame["label"] = NAMES
    frame.to_parquet(tmp_path / "data.parquet")
    for data in (frame, tmp_path / "data.parquet"):
        study = qfusion.open(scores, data, contents={"left": "sentence"})
        assert study.dataset.content(5)["left"] == Text("sentence 5")
        assert study.classes == ("no", "yes")


def _with(**entries: Any) -> dict[str, Any]:
    return {**DATA, **entries}


TEXTS = [f"text {k}" for k in range(N)]
FRAME = pd.DataFrame(
    {f"left_{k}": LEFT[:, k] for k in range(4)}
    | {f"right_{k}": RIGHT[:, k] for k in range(3)}
    | {"y": Y}
)


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        ({"text": TEXTS, "y": Y}, {}, "`text` holds strings. Encode"),
        ({"text": [text.split() for text in TEXTS], "y": Y}, {}, "`text` holds strings. Encode"),
        (pd.DataFrame({"text": TEXTS, "label": Y}), {}, "columns of at least one modality"),
        (
            {"left": TEXTS, "right": RIGHT, "y": Y},
            {},
            "Entry `left` of the data holds strings, which are shown",
        ),
        (
            FRAME.assign(left_0=TEXTS),
            {"modalities": {"left": ["left_0"]}},
            "these hold none: `left_0`. Leave them out, or encode",
        ),
        (FRAME, {"modalities": ["left", "right"]}, "must name the columns"),
        (
            FRAME.assign(left_0=np.where(Y == 1, np.nan, 1)),
            {},
            "Values of left are missing",
        ),
        (FRAME.assign(left_0=pd.array([None] + [1] * (N - 1), dtype="Int64")), {}, "missing"),
        (_with(left=np.where(LEFT > 1, np.nan, LEFT)), {}, "Values of left are missing"),
        (_with(left=np.where(LEFT > 2, np.inf, LEFT)), {}, "3 infinite, in 3 of 60 samples"),
        (_with(id=["x"] * N), {}, "59 samples have the id of an earlier one"),
        (_with(id=["x"]), {}, "Entry `id` must have 60 values"),
        (_with(split=["train"]), {}, "Entry `split` must have 60 values"),
        (_with(split=["trian"] * N), {}, "must hold train, valid or test, but holds 'trian'"),
        (_with(y=[None, *NAMES[1:].tolist()]), {}, "no label, the first 'sample-0001'"),
        (_with(y=[float("nan"), *NAMES[1:].tolist()]), {}, "no label, the first 'sample-0001'"),
        (_with(y=np.where(np.arange(N) == 3, np.nan, Y)), {}, "no target, the first 'sample-0004'"),
        (_with(y=np.zeros(N, int)), {}, "All samples have the same target"),
        (_with(note="hello"), {}, "leave it out"),
        (_with(note=None), {}, "leave it out"),
        (_with(rate=0.1), {}, "leave it out"),
        (_with(rate=np.array(0.1)), {}, "leave it out"),
        (_with(left_mask=None), {}, "leave it out"),
        (_with(left=LEFT[:, :0]), {}, "must hold numbers"),
        (_with(left=LEFT.astype(complex)), {}, "must be an array of numbers"),
        (_with(left=[np.ones(3), np.ones((2, 2))] * 30), {}, "must have one shape"),
        ({**DATA, "left": PADDED, "left_mask": MASK[:, ::-1]}, {}, "Pad on the right"),
        ({**DATA, "left": PADDED, "left_mask": MASK[:, :3]}, {}, "must have shape"),
        ({**DATA, "left": PADDED, "left_lengths": MASK.sum(1) - 9}, {}, "must lie in 1..6"),
        (DATA, {"modalities": "left"}, "must be a list"),
        (DATA, {"modalities": ["left", "rigth"]}, r"names \['rigth'\]"),
        (DATA, {"modalities": {"left": ["a"]}}, "must list the names"),
        (_items(), {"modalities": ["left"]}, "must name 2 inputs"),
        (DataLoader(_items()), {}, "Give the loader's `dataset`"),
        ((x for x in [1]), {}, "is a generator"),
        (DATA, {"contents": {"text": TEXTS}}, "names 'text', but the modalities are left, right"),
        (DATA, {"contents": {"left": TEXTS[:3]}}, "must hold 60 entries"),
        (DATA, {"contents": {"left": [1] * N}}, "row 0 holds a int"),
        (DATA, {"contents": {"left": "note"}}, "names 'note'"),
        (DATA, {"contents": TEXTS}, "must be a dictionary"),
        (_with(left=STEPS), {"contents": {"left": [["a"]] * N}}, "one word a step"),
        (_with(y=NAMES), {"classes": ["yes", "maybe"]}, "'no'"),
        (DATA, {"target": "label"}, "names 'label'"),
        (DATA, {"output": "logit"}, "does not exist"),
        (DATA, {"name": 7}, "Argument `name`"),
        (DATA, {"circuit": "first"}, "Argument `circuit` must be a whole number"),
        (DATA, {"classes": 2}, "Argument `classes` must be a list"),
        (DATA, {"modalities": 2}, "Argument `modalities` must be a list"),
        (_with(y=pd.Categorical([None, *NAMES[1:]])), {}, "no label, the first 'sample-0001'"),
        ("planted", {"classes": ["a"]}, "Argument `classes` describes data of your own"),
    ],
)
def test_errors_of_data_say_what_to_do(data: Any, options: Any, words: str) -> None:
    with pytest.raises(Exception, match=words) as raised:
        qfusion.open(scores, data, **options)
    assert isinstance(raised.value, qfusion.errors.QFusionError)


# Models


@dataclass
class Answer:
    """What some models return."""

    loss: Any
    logits: Any


@pytest.mark.parametrize(
    "wrap",
    [
        lambda result: {"loss": torch.tensor(0.0), "hidden": result * 9, "logits": result},
        lambda result: Answer(torch.tensor(1.0), result),
        lambda result: (result, result * 9),
        lambda result: result.tolist(),
        lambda result: result.numpy(),
        lambda result: pd.DataFrame(result.numpy()),
    ],
)
def test_returned_forms(wrap: Any, expected: dict[str, float]) -> None:
    study = qfusion.open(lambda left, right: wrap(scores(left, right)), DATA)
    assert dividends(study) == pytest.approx(expected, abs=1e-12)


def _scaled(scale: float, left: Tensor, right: Tensor, *, shift: float = 0.0) -> Tensor:
    return scale * scores(left, right) + shift


def test_the_output_that_is_taken_is_named() -> None:
    attention = LEFT[:, :2]
    weights = torch.tensor(attention)
    for wrap, taken in (
        (lambda result: (weights.new_ones(len(result), 3), result), "2 of 2"),
        (lambda result: {"attention": weights.new_ones(len(result), 2), "cls": result}, "`cls`"),
        (lambda result: {"hidden": result.repeat(1, 4), "logits": result}, "`logits`"),
    ):
        study = qfusion.open(lambda left, right, wrap=wrap: wrap(scores(left, right)), DATA)
        assert f"Its output {taken} is taken." in study.card["notes"]
        assert study.scores == pytest.approx(qfusion.open(scores, DATA).scores, abs=1e-12)
    assert "is taken" not in qfusion.open(scores, DATA).card["notes"]


def _shifts(left: Tensor, right: Tensor) -> Tensor:
    left += 1
    return scores(left, right)


def _masks(text: Tensor, audio: Tensor, text_mask: Tensor) -> Tensor:
    text[~text_mask] = 3
    text_mask[:, 1:] = False
    audio.mul_(2)
    return torch.stack([text.sum((1, 2)), (text[:, 0].sum(1) * audio[:, 0]).tanh()], 1)


@pytest.mark.parametrize(
    ("model", "data"),
    [(_shifts, DATA), (_masks, {"text": STEPS, "audio": LEFT, "y": Y})],
)
def test_models_that_write_into_their_input_get_copies(model: Any, data: dict[str, Any]) -> None:
    @functools.wraps(model)
    def copies(**features: Tensor) -> Tensor:
        return model(**{part: values.clone() for part, values in features.items()})

    given = copy.deepcopy(data)
    study, plain = qfusion.open(model, data), qfusion.open(copies, given)
    assert study.model.repeats == 1
    assert study.scores == pytest.approx(plain.scores, abs=1e-12)
    assert dividends(study) == pytest.approx(dividends(plain), abs=1e-12)
    rows = study.model.encode(study.inputs([3, 4]))
    kept = copy.deepcopy(rows)
    weights = torch.ones(2, 2, dtype=torch.float64)
    for part, slope in study.trained.call.slopes(rows, weights).items():
        torch.testing.assert_close(slope, plain.trained.call.slopes(kept, weights)[part])
    for part, features in rows.items():
        torch.testing.assert_close(features, kept[part])
    assert all(np.array_equal(one, other) for one, other in zip(data["y"], given["y"], strict=True))


class Holder:
    """An object whose method is the model."""

    def decide(self, left: Tensor, right: Tensor) -> Tensor:
        return scores(left, right)


class TwoFaced:
    """A model that can be called and has a `predict`, as those of Keras."""

    def predict(self, features: Any) -> Any:
        raise AssertionError

    def __call__(self, left: Tensor, right: Tensor) -> Tensor:
        return scores(left, right)


@pytest.mark.parametrize(
    "model",
    [
        functools.partial(_scaled, 1.0),
        functools.partial(_scaled, 1.0, shift=0.0),
        functools.partial(lambda scale, x, z: scale * scores(x, z), 1.0),
        lambda left, right, scale=1.0: scale * scores(left, right),
        lambda **features: scores(features["left"], features["right"]),
        lambda *features: scores(*features),
        lambda batch: scores(batch["left"], batch["right"]),
        lambda joined: scores(joined[:, :4], joined[:, 4:]),
        Holder().decide,
        TwoFaced(),
        torch.compile(scores),
    ],
)
def test_callables(model: Any, expected: dict[str, float]) -> None:
    study = qfusion.open(model, DATA)
    assert list(dividends(study).values()) == pytest.approx(list(expected.values()), abs=1e-12)


def test_modules_are_evaluated() -> None:
    plain = dividends(qfusion.open(Net().eval(), DATA))
    inputs = (torch.tensor(LEFT), torch.tensor(RIGHT))
    for model in (
        Net().train(),
        Net().train().decide,
        torch.compile(Net().train()),
        torch.jit.script(Net().train()),
        torch.jit.trace(Net().eval(), inputs),
        nn.DataParallel(Net().train()),
    ):
        assert dividends(qfusion.open(model, DATA)) == pytest.approx(plain, abs=1e-12)


def test_modules_that_run_in_single_precision_only() -> None:
    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.last, self.turn = nn.Linear(7, 2), torch.randn(2, 2)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return self.last(torch.cat([left, right], 1)) @ self.turn

    study = qfusion.open(Single(), DATA)
    found = dividends(study)
    plain = own_models.brute_force_dividends(
        study,
        7,
        lambda x: Single()(x["left"].float(), x["right"].float()).detach().double().numpy(),
        study.sample("sample-0008").output,
    )
    assert found == pytest.approx(plain, abs=1e-5)


@pytest.mark.parametrize(
    "argument", ["text_mask", "attention_mask", "mask", "text_lengths", "lengths"]
)
def test_masks_come_by_the_name_of_the_argument(argument: str) -> None:
    body = "self.pool(text, audio, {0})"
    if "length" in argument:
        body = "self.pool(text, audio, torch.arange(text.shape[1]) < {0}[:, None])"
    names: dict[str, Any] = {"torch": torch}
    exec(f"def forward(self, text, audio, {argument}): return {body.format(argument)}", names)
    model = type("Named", (Reader,), {"forward": names["forward"]})()
    data = {"text": STEPS, "audio": LEFT, "y": Y}
    assert dividends(qfusion.open(model, data)) == pytest.approx(
        dividends(qfusion.open(Reader(), data)), abs=1e-12
    )


TRAINING = Net().train()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda left, right: TRAINING(left, right), r"Call `TRAINING.eval\(\)`"),
        (functools.partial(TRAINING), r"Call `model.eval\(\)`"),
        (Net().to("meta"), "Load them first"),
        (Net, "is the class Net. Make an instance"),
        (lambda left, right: scores(left, right).argmax(1), "before `argmax`"),
        (lambda left, right: left[:, :1] * torch.arange(10.0), "Name all 10 classes"),
        (lambda left, right: torch.tensor([]), "must return scores"),
        (lambda left, right: None, "returns a NoneType"),
        (lambda left, right: [["a"]] * len(left), "returns a list"),
        (lambda left, right: left @ right, r"It was given left \(10, 4\) and right \(10, 3\)"),
    ],
)
def test_errors_of_models_say_what_to_do(model: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        qfusion.open(model, DATA)


def test_a_mask_of_another_name_is_explained() -> None:
    class Other(Reader):
        def forward(self, x: Tensor, z: Tensor, m: Tensor) -> Tensor:
            return self.pool(x, z, m)

    with pytest.raises(InvalidInput, match="argument called `text_mask`"):
        qfusion.open(Other(), {"text": STEPS, "audio": LEFT, "y": Y})


# Targets


def test_targets_are_read_as_they_are_meant() -> None:
    assert qfusion.open(amount, _with(y=AMOUNTS)).dataset.target.kind == "regression"
    assert qfusion.open(amount, _with(y=AMOUNTS[:, None])).dataset.target.kind == "regression"
    assert qfusion.open(amount, _with(y=Y.astype(np.float32))).classes == ("0", "1")
    assert qfusion.open(scores, _with(y=Y.astype(bool))).classes == ("False", "True")
    assert qfusion.open(scores, DATA, classes=["no", "yes"]).classes == ("no", "yes")
    reversed_ = qfusion.open(scores, _with(y=NAMES), classes=["yes", "no"])
    assert reversed_.dataset.y.tolist() == (1 - Y).tolist()


def test_categories_keep_their_order() -> None:
    order = ["yes", "unused", "no"]
    category = pd.Categorical(NAMES, categories=order)
    for data in (_with(y=category), _with(y=pd.Series(category)), FRAME.assign(y=category)):
        study = qfusion.open(scores, data)
        assert study.classes == ("yes", "no")
        assert study.dataset.y.tolist() == (1 - Y).tolist()
        assert "Its columns are the classes yes, no in this order." in study.card["notes"]
    numbers = qfusion.open(scores, _with(y=pd.Categorical(Y, categories=[1, 0])))
    assert numbers.classes == ("1", "0")
    assert numbers.dataset.y.tolist() == (1 - Y).tolist()


def test_columns_in_another_order_are_noticed() -> None:
    def opposite(left: Tensor, right: Tensor) -> Tensor:
        product = left[:, 0] * right[:, 0]
        return torch.stack([product, -product], 1)

    with pytest.warns(UserWarning, match="is 0.00, but 1.00 if the columns are 1, 0 in this order"):
        study = qfusion.open(opposite, DATA)
    assert "Check the order of the columns" in study.card["notes"]
    thirds = np.digitize(LEFT[:, 0], [-0.4, 0.4])

    def shifted(left: Tensor, right: Tensor) -> Tensor:
        return torch.stack([(left[:, 0] - mean).square().neg() for mean in (0, 0.9, -0.9)], 1)

    with pytest.warns(UserWarning, match="if the columns are b, c, a in this order"):
        qfusion.open(shifted, _with(y=np.array(["a", "b", "c"])[thirds]))


@pytest.mark.parametrize(
    "model",
    [
        lambda left, right: torch.stack([0 * left[:, 0], 0 * left[:, 0] + 1], 1),
        lambda left, right: torch.stack([left[:, 1], right[:, 1]], 1),
    ],
)
def test_models_without_knowledge_have_no_other_order(model: Any) -> None:
    study = qfusion.open(model, _with(y=(np.arange(N) % 10 == 0).astype(int)))
    assert "Check the order" not in study.card["notes"]


@pytest.mark.parametrize("count", [120, 348])
def test_many_whole_numbers_from_zero_are_classes(count: int) -> None:
    random = np.random.default_rng(count)
    y = random.permutation(np.arange(4 * count) % count)
    assert targets_of(y).classes == tuple(map(str, range(count)))
    for amounts in (y + 18, y * 7, np.arange(4 * count)):
        assert targets_of(amounts).classes == ()


def targets_of(y: np.ndarray) -> Targets:
    """The targets that labels of a Python session are read as."""
    raw = read_session({"x": np.zeros((len(y), 2)), "y": y}, Description())
    return encode_targets(raw)


@pytest.mark.parametrize(
    ("model", "y", "words"),
    [
        (scores, AMOUNTS, "are amounts, of which it must give one"),
        (amount, np.arange(N) % 11, "floating-point numbers"),
    ],
)
def test_targets_of_another_kind_are_explained(model: Any, y: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        qfusion.open(model, _with(y=y))


def test_one_and_many_modalities() -> None:
    single = qfusion.open(lambda left: left[:, :2], {"left": LEFT, "y": Y})
    assert set(dividends(single)) == {"", "left"}
    parts = {f"m{k}": RANDOM.normal(size=(N, 2)) for k in range(5)}
    many = qfusion.open(
        lambda **x: torch.stack(
            [torch.stack([v[:, 0] for v in x.values()]).prod(0), x["m0"][:, 1]], 1
        ),
        {**parts, "y": Y},
    )
    found = dividends(many)
    assert len(found) == 32
    sample = many.sample(str(many.dataset.ids[7]))
    assert sum(found.values()) == pytest.approx(sample.score, abs=1e-10)


# scikit-learn

JOINED = np.concatenate([LEFT, RIGHT], 1)


def test_regressors() -> None:
    for model in (Ridge(), RandomForestRegressor(5, random_state=0)):
        study = qfusion.open(model.fit(JOINED, AMOUNTS), _with(y=AMOUNTS))
        assert study.scores[:, 0] == pytest.approx(model.predict(JOINED.astype(float)), abs=1e-9)


def test_classes_in_another_order() -> None:
    for model in (LogisticRegression(), Perceptron()):
        model.fit(JOINED, NAMES)
        plain = qfusion.open(model, _with(y=NAMES))
        other = qfusion.open(model, _with(y=NAMES), classes=["yes", "no"])
        assert plain.classes == ("no", "yes")
        for row in (3, 7):
            ids = str(plain.dataset.ids[row])
            assert plain.sample(ids, output=1).score == pytest.approx(
                other.sample(ids, output=0).score, abs=1e-9
            )
        assert plain.scores.argmax(1).tolist() == (1 - other.scores.argmax(1)).tolist()


def test_the_card_names_the_classes_of_an_estimators_columns() -> None:
    data = _with(y=NAMES)
    forest = RandomForestClassifier(5, random_state=0).fit(JOINED, NAMES)
    notes = qfusion.open(forest, data, classes=["yes", "no"]).card["notes"]
    assert "Its columns are the classes no, yes in this order." in notes
    notes = qfusion.open(Perceptron().fit(JOINED, NAMES), data, classes=["yes", "no"]).card["notes"]
    assert "Its number speaks for class yes, against no." in notes


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),
        make_pipeline(SimpleImputer(), LogisticRegression()),
    ],
)
def test_missing_features_are_given_to_models_that_take_them(model: Any) -> None:
    missing = np.where(LEFT > 1, np.float32(np.nan), LEFT)
    model.fit(np.concatenate([missing, RIGHT], 1), Y)
    frame = FRAME.assign(**{f"left_{k}": missing[:, k] for k in range(4)})

    def logarithms(features: dict[str, Tensor]) -> np.ndarray:
        joined = torch.cat([features["left"], features["right"]], 1).numpy()
        return np.log(model.predict_proba(joined))

    row = int(np.flatnonzero(np.isnan(missing).any(1))[0])
    for data in (_with(left=missing), frame):
        study = qfusion.open(model, data)
        assert f"{int(np.isnan(missing).sum())} values of 'left' are missing" in study.card["notes"]
        sample = study.sample(str(study.dataset.ids[row]))
        expected = own_models.brute_force_dividends(study, row, logarithms, sample.output)
        assert sample.dividends == pytest.approx(expected, abs=1e-10)
        flips = what_if.what_would_flip(study, row)
        assert not any(
            np.isnan([flip.state.distance, flip.donor.distance]).any() for flip in flips.values()
        )
        with pytest.raises(InvalidInput, match="are missing in this sample"):
            attribution.attribute(study, row, "left", "score", 0, "mean")


def _signs(classes: int) -> tuple[dict[str, Any], np.ndarray]:
    """Features whose signs decide the class, and the features side by side."""
    data = own_models.two_modalities(rows=60)
    matrix = np.concatenate([data["left"], data["right"]], 1)
    kind = (matrix[:, 0] > 0).astype(int) + (matrix[:, -1] > 0) * (classes - 1)
    return {**data, "y": np.array(["a", "b", "c"])[np.minimum(kind, classes - 1)]}, matrix


@pytest.mark.parametrize(
    ("model", "classes"),
    [(KNeighborsClassifier(3), 2), (RandomForestClassifier(7, random_state=0), 3)],
)
def test_probabilities_of_0_and_1_are_clipped_by_the_number_of_training_rows(
    model: Any, classes: int
) -> None:
    data, matrix = _signs(classes)
    model.fit(matrix, data["y"])
    study = qfusion.open(model, data)
    rows = len(study.dataset.rows("train"))
    least = 1 / (2 * rows + classes)
    logs = np.log(model.predict_proba(matrix).clip(least, 1 - least))
    others = (logs.sum(1, keepdims=True) - logs) / (classes - 1)
    np.testing.assert_allclose(study.scores, logs - others, atol=1e-9)
    assert f"clipped at {least:.2g}" in study.card["notes"]
    assert f"n = {rows} training rows" in study.card["notes"]


def test_inner_probabilities_are_not_clipped() -> None:
    for classes in (2, 3):
        data, matrix = _signs(classes)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(matrix, data["y"])
        logs = model.predict_log_proba(matrix)
        study = qfusion.open(model, data)
        assert logs.min() < -np.log(2 * len(study.dataset.rows("train")) + classes)
        assert "clipped" not in study.card["notes"]
        others = (logs.sum(1, keepdims=True) - logs) / (classes - 1)
        np.testing.assert_allclose(study.scores, logs - others, atol=1e-4)


@pytest.mark.parametrize(("chosen", "classes"), [("a", 2), ("c", 3)])
def test_a_probability_is_explained_where_it_is_asked_for(chosen: str, classes: int) -> None:
    data, matrix = _signs(classes)
    model = RandomForestClassifier(7, random_state=0).fit(matrix, data["y"])
    study = qfusion.open(model, data, probability=chosen)
    expected = model.predict_proba(matrix)[:, list(model.classes_).index(chosen)]
    np.testing.assert_allclose(study.scores[:, 0], expected, atol=1e-9)
    sample = study.sample(study.dataset.ids[5])
    assert sum(sample.dividends.values()) == pytest.approx(expected[5])
    assert (sample.unit, sample.quantity) == (f"probability of ‘{chosen}’", "probability")
    assert sample.truth == float(data["y"][5] == chosen)
    with pytest.raises(NotFound, match="probability"):
        qfusion.open(model, data, probability="other")


def test_columns_in_the_order_of_the_fit() -> None:
    columns = list(FRAME.columns[:-1])
    results = []
    for order in (columns, columns[::-1]):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME[order], FRAME["y"])
        results.append(dividends(qfusion.open(model, FRAME)))
    assert results[0] == pytest.approx(results[1], abs=1e-4)


def _with_colour() -> pd.DataFrame:
    return FRAME.drop(columns="y").assign(left_colour=["red", "blue"] * 30)


@pytest.mark.parametrize(
    ("make", "data", "words"),
    [
        (lambda: LinearRegression().fit(JOINED, Y), DATA, r"y.astype\(float\)"),
        (lambda: LogisticRegression(), DATA, "is not fitted"),
        (
            lambda: LogisticRegression().fit(JOINED[:, :5], Y),
            DATA,
            "the 7 features of left and right",
        ),
        (lambda: LogisticRegression().fit(JOINED, NAMES), DATA, "knows the classes no, yes"),
        (
            lambda: make_pipeline(
                make_column_transformer(
                    (OneHotEncoder(), ["left_colour"]), remainder="passthrough"
                ),
                LogisticRegression(),
            ).fit(_with_colour(), Y),
            _with_colour().assign(y=Y),
            "fitted on column 'left_colour', which no modality holds",
        ),
    ],
)
def test_errors_of_estimators_say_what_to_do(make: Any, data: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        qfusion.open(make(), data)


# What was opened before, and time


def test_a_study_is_returned_as_it_is() -> None:
    study = qfusion.open(scores, DATA)
    assert qfusion.open(study) is study
    with pytest.raises(InvalidInput, match="Argument `data` has no effect on a study"):
        qfusion.open(study, DATA)


def test_a_model_of_qfusion_by_name() -> None:
    assert qfusion.open("qj-planted", "planted").name == "qj-planted"
    with pytest.raises(InvalidInput, match="Argument `classes` has no effect"):
        qfusion.open("qj-planted", "planted", classes=["a"])


def test_slow_models_are_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    from qfusion.adapters import trial

    def slow(left: Tensor, right: Tensor) -> Tensor:
        time.sleep(0.002 * len(left))
        return scores(left, right)

    monkeypatch.setattr(trial, "LONG", 0.1)
    with pytest.warns(UserWarning, match="opening 60 samples takes up to"):
        qfusion.open(slow, DATA)


def test_opening_five_thousand_samples_takes_seconds() -> None:
    random = np.random.default_rng(1)
    left, right = random.normal(size=(5000, 16)), random.normal(size=(5000, 12))
    model = nn.Sequential(nn.Linear(28, 64), nn.ReLU(), nn.Linear(64, 2))
    began = time.perf_counter()
    qfusion.open(model, {"left": left, "right": right, "y": (left[:, 0] > 0).astype(int)})
    assert time.perf_counter() - began < 10  # 0.1 s on an idle machine
