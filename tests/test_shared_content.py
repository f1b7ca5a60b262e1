"""Rows with shared content: balanced pairs, copies and questions about one picture. Uninformative modalities show
no information in models, reports and splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qfusion.data.examine import repairs as import_repairs, report as import_report, value_scans
from qfusion.data.examine.report import build_report
from qfusion.data.readers import formats
from qfusion.data.row_splits import split_groups, stratified_split
from qfusion.data.staged_set import stage_set

Features = dict[str, np.ndarray]


def pairs_of_pictures(
    pictures: int = 800, kinds: int = 8, noise: float = 0.0
) -> tuple[Features, np.ndarray, np.ndarray]:
    """A set like SHAPES: every picture shows some kinds of things, and stands twice, with a question after a kind that
    it shows and with one after a kind that it does not. Returns features, answers, and the pictures' numbers."""
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 2, (pictures, kinds))
    shown[:, :2] = 1, 0
    shown = rng.permuted(shown, axis=1)
    question = np.array([[rng.choice(np.flatnonzero(row == k)) for k in (1, 0)] for row in shown])
    picture, answer = np.repeat(np.arange(pictures), 2), np.tile([1, 0], pictures)
    seen = (shown + 0.1 * rng.normal(size=shown.shape))[picture]
    order = rng.permutation(len(answer))
    features = {
        "picture": (seen + noise * rng.normal(size=seen.shape))[order],
        "question": np.eye(kinds)[question.ravel()][order],
    }
    return features, answer[order], picture[order]


def test_contents_are_equal_up_to_rounding() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 30)) * rng.uniform(0.01, 100, 30) + 5
    which = rng.permutation(np.repeat(np.arange(500), 3))
    near = rows[which] + 1e-7 * rows.std(0) * rng.normal(size=(1500, 30))
    numbers = value_scans.number_contents(near)
    assert len(np.unique(numbers)) == 500
    assert len(np.unique(np.stack([numbers, which]), axis=1).T) == 500
    apart = rows[which] + 1e-3 * rows.std(0) * rng.normal(size=(1500, 30))
    assert len(np.unique(value_scans.number_contents(apart))) == 1500
    bits = rng.integers(0, 2, (3000, 2))
    assert len(np.unique(value_scans.number_contents(bits))) == 4
    assert value_scans.number_contents(np.ones((5, 2))).tolist() == [0] * 5
    assert len(np.unique(value_scans.number_contents(np.array([[np.nan], [1.0], [np.nan]])))) == 2


def test_rows_with_shared_content_are_held_out_together() -> None:
    rng = np.random.default_rng(0)
    own, picture = np.arange(400), np.arange(400) // 2
    video = np.arange(400) // 10

    def held(
        contents: dict[str, np.ndarray], declared: np.ndarray | None = None
    ) -> value_scans.Sharing:
        return value_scans.find_shared_rows(
            contents, None if declared is None else declared[:, None]
        )

    nothing = held({"a": own, "b": own})
    assert nothing.columns is None
    assert nothing.different == {}
    pairs = held({"a": picture, "b": own})
    assert pairs.together[:, 0].tolist() == picture.tolist()
    assert pairs.different == {"a": 200}
    # what a video holds is held out with it, and what two videos share joins them
    assert held({"a": picture}, video).together[:, 0].tolist() == video.tolist()
    two = picture.copy()
    two[0] = two[399]
    joined = held({"a": two}, video).together[:, 0]
    assert joined[0] == joined[399] != joined[20]
    # values of which there are few, and what a tenth of the rows have, hold nothing out
    assert held({"a": rng.integers(0, 2, 400), "b": own}).columns is None
    missing = np.where(own < 50, 0, own)
    assert held({"a": missing, "b": own}).columns is None
    # questions that join all pictures are left out of learning where few rows have them, else not
    chain = np.roll(picture, 1)
    both = held({"a": picture, "b": chain})
    assert both.together[:, 0].tolist() == picture.tolist()
    assert len(np.unique(both.apart)) == 200
    assert both.columns is not None
    assert not set(both.columns[:, 0]) & set(both.columns[:, 1])
    many = held({"a": picture, "b": rng.permutation(np.arange(400) % 61)})
    assert many.apart.shape == (400, 1)  # of six or seven rows
    larger = np.arange(4000) // 2
    asked = value_scans.find_shared_rows({"a": larger, "b": rng.permutation(np.arange(4000) % 132)})
    assert asked.apart.shape == (4000, 0)
    assert asked.together[:, 0].tolist() == larger.tolist()


def test_declared_groupings_are_kept() -> None:
    rng = np.random.default_rng(0)
    declared = np.stack([rng.integers(0, 80, 400), 80 + rng.integers(0, 80, 400)], 1)
    same = value_scans.find_shared_rows({"a": declared[:, 0], "b": declared[:, 1] - 80}, declared)
    assert same.together is not None
    assert same.columns is not None
    assert same.columns.tolist() == declared.tolist()


def table_of_pairs(folder: Path, noise: float = 0.0) -> list[Path]:
    """Balanced pairs as two tables and their answers, without a split."""
    features, y, picture = pairs_of_pictures(pictures=200, noise=noise)
    ids = [f"row{number}" for number in range(len(y))]
    labels = pd.DataFrame({"id": ids, "label": np.array(["no", "yes"])[y]})
    labels.to_csv(folder / "labels.csv", index=False)
    for name, values in features.items():
        columns = [f"{name}{k}" for k in range(values.shape[1])]
        pd.DataFrame(values, columns=columns).assign(id=ids).to_csv(
            folder / f"{name}.csv", index=False
        )
    np.save(folder / "numbers.npy", picture)
    return [folder / f"{name}.csv" for name in ("labels", *features)]


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_import_reports_twins_and_splits_them_together(noise: float, tmp_path: Path) -> None:
    paths = table_of_pairs(tmp_path, noise)
    read = stage_set(formats.read_files(paths, target="classification"), None, "classification")
    examined = import_report.ExaminedSet(read, build_report(read))
    (finding,) = [one for one in examined.report.findings if one.code == "shared-content"]
    assert finding.where == "picture"
    assert finding.words.startswith("400 samples have 200 different contents of this modality.")
    (tmp_path / "mended").mkdir()
    mended = import_repairs.make_repairs(examined, ["make-split"], tmp_path / "mended")
    parts = pd.Series(mended.staged.split).groupby(np.load(tmp_path / "numbers.npy")).nunique()
    assert (parts == 1).all()
    assert mended.report.splits == {"train": 240, "valid": 40, "test": 120}
    assert any(
        "with samples of the same content in one part" in words for words in mended.staged.done
    )


def test_split_without_shared_content_is_unchanged() -> None:
    """So that published splits stay."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    plain = stratified_split(y)
    assert split_groups(y, np.arange(300)).tolist() == plain.tolist()
    videos = np.arange(300) // 3
    whole = split_groups(y, videos)
    assert pd.Series(whole).groupby(videos).nunique().eq(1).all()
    assert set(whole) == {"train", "valid", "test"}
