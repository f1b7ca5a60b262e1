"""CMU-MOSI: pinned files and downloads with checked digests; files made here replace the real ones."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import _files
from qfusion.data import registry
from qfusion.data.sources import PinnedFile, cmu_mosi
from qfusion.errors import DataUnavailable, IntegrityError, NotFound

SIZES = {"text": 100, "audio": 73, "video": 100}
TRAIN, TEST = 12, 4  # rows of the stand-in: 6 and 2 videos of 2 clips


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "cache"))
    for name in ("QFUSION_MOSI_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def write_stand_in(folder: Path) -> None:
    """Writes files laid out as the real ones, small."""
    rng = np.random.default_rng(0)
    ids = [f"video_{v}_{c}" for v in range(8) for c in (1, 2)]
    sentiment = {
        name: round(float(x), 2) for name, x in zip(ids, rng.uniform(-3, 3, len(ids)), strict=True)
    }
    spoken = sorted(ids)
    quoted = [
        f'"{name}","<b>SAID</b>, {name}","93","{int(sentiment[name] >= 0)}"\r\n' for name in spoken
    ]
    for kind in SIZES:
        (folder / kind).mkdir(parents=True)
    (folder / "transcripts.csv").write_text("".join(quoted), newline="")
    (folder / "OpinionLevelSentiment.csv").write_text(
        "".join(
            f"{i}.5,{i + 2},{name.rsplit('_', 1)[0]},{name[-1]},{sentiment[name]}\n"
            for i, name in enumerate(ids)
        )
    )
    order = rng.permutation([i for i, name in enumerate(spoken) if name < "video_6"])
    for part, rows in (("train", order), ("test", np.arange(TRAIN, TRAIN + TEST))):
        (folder / f"text_{part}.csv").write_text(
            "".join(
                ",".join([f'"{row}"', *(f'"{x:.3f}"' for x in rng.normal(size=100))]) + "\r\n"
                for row in rows
            )
        )
        for kind, size in SIZES.items():
            (folder / kind / f"{kind}_{part}0.csv").write_text(
                "".join(
                    ",".join(
                        [
                            *(f'"{x:.4f}"' for x in rng.normal(size=size)),
                            f'"{int(sentiment[spoken[row]] >= 0)}"',
                        ]
                    )
                    + "\r\n"
                    for row in rows
                )
            )


def pins(folder: Path) -> tuple[PinnedFile, ...]:
    """The pins that the files in `folder` have as they are now."""
    return tuple(
        replace(
            f,
            sha256=hashlib.sha256((folder / f.path).read_bytes()).hexdigest(),
            size=(folder / f.path).stat().st_size,
        )
        for f in cmu_mosi.MOSI_FILES
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_stand_in(tmp_path / "mosi")
    return tmp_path / "mosi"


def test_rows_are_joined_by_the_order_file(folder: Path) -> None:
    ds = cmu_mosi.read_mosi(folder, pins(folder))
    assert len(ds) == TRAIN + TEST
    assert ds.input_specs == {
        n: {"size": s, "sequence": False}
        for n, s in (("text", 100), ("audio", 73), ("vision", 100))
    }
    order = [
        int(line.split(",")[0].strip('"'))
        for line in (folder / "text_train.csv").read_text().splitlines()
    ]
    spoken = [
        line.split(",")[0].strip('"')
        for line in (folder / "transcripts.csv").read_text().splitlines()
    ]
    assert ds.ids[:TRAIN].tolist() == [spoken[i] for i in order]
    sample = ds.ids[3]
    line = next(
        text
        for text in (folder / "OpinionLevelSentiment.csv").read_text().splitlines()
        if text.split(",")[2] + "_" + text.split(",")[3] == sample
    ).split(",")
    row = ds.table.loc[sample]
    assert [row.start, row.end, row.video, row["clip"], ds.y[3]] == [
        float(line[0]),
        float(line[1]),
        line[2],
        int(line[3]),
        float(line[4]),
    ]
    first = (
        (folder / "audio" / "audio_train0.csv")
        .read_text()
        .splitlines()[3]
        .replace('"', "")
        .split(",")
    )
    np.testing.assert_allclose(ds.modalities[1].values[3], np.array(first[:-1], dtype=np.float32))
    # What people said is shown as it is, never as markup.
    assert ds.content(3)["text"].text == f"<b>SAID</b>, {sample}"
    assert set(ds.content(3)) == {"text"}
    assert cmu_mosi.read_mosi(folder, pins(folder)).digest == ds.digest  # from the cache


def test_validation_takes_whole_videos_of_the_train_rows(folder: Path) -> None:
    ds = cmu_mosi.read_mosi(folder, pins(folder))
    assert ds.rows("train+valid").tolist() == list(range(TRAIN))
    videos = {s: set(ds.table.video.iloc[ds.rows(s)]) for s in ("train", "valid", "test")}
    assert not videos["train"] & videos["valid"]
    assert videos["test"] == {"video_6", "video_7"}
    assert len(ds.rows("valid")) == 2


def test_missing_files_are_reported_with_instructions(folder: Path) -> None:
    fixed = pins(folder)
    (folder / "text" / "text_test0.csv").unlink()
    with pytest.raises(
        DataUnavailable,
        match=r"lacks `text/text_test0.csv`\. Run `python -m qfusion data get mosi`, or set "
        r"QFUSION_DATA",
    ):
        cmu_mosi.read_mosi(folder, fixed)
    with pytest.raises(DataUnavailable, match="and 9 more of its 10 files"):
        cmu_mosi.read_mosi(folder / "nowhere", fixed)


def test_altered_file_is_refused(folder: Path) -> None:
    fixed = pins(folder)
    cmu_mosi.read_mosi(folder, fixed)
    path = folder / "video" / "video_train0.csv"
    path.write_text(path.read_text().replace("1", "2", 1))
    with pytest.raises(
        IntegrityError, match=r"`video/video_train0.csv` .* SHA-256 differs.*data get mosi"
    ):
        cmu_mosi.read_mosi(folder, fixed)


# ---- download


@pytest.fixture
def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this machine that offers the stand-in, which is pinned in place of the real files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing: requests are not printed."""

    monkeypatch.setitem(registry.sources(), "mosi", replace(cmu_mosi.SOURCE, files=pins(folder)))
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_download_brings_every_file(
    site: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int, str]] = []
    got = registry.download("mosi", tmp_path / "got", site, progress=lambda *now: seen.append(now))
    assert got == tmp_path / "got"
    assert content(got) == content(folder)
    assert seen[0][:2] == (0, 10)
    assert seen[-1][:2] == (10, 10)
    assert (
        cmu_mosi.read_mosi(got, pins(folder)).digest
        == cmu_mosi.read_mosi(folder, pins(folder)).digest
    )
    # Once there, nothing is fetched again; only what is damaged is.
    (got / "transcripts.csv").write_text("altered")
    seen.clear()
    monkeypatch.setenv("QFUSION_MOSI_URL", site)
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path / "unused"))
    registry.download("mosi", got, progress=lambda *now: seen.append(now))
    assert [s[2] for s in seen] == ["transcripts.csv"] * 2
    assert content(got) == content(folder)


def test_download_writes_to_the_data_folder(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path / "data"))
    assert registry.download("mosi", base_url=site) == tmp_path / "data" / "mosi"
    assert cmu_mosi.SOURCE.missing() == ""


def test_wrong_digest_writes_no_file(site: str, folder: Path, tmp_path: Path) -> None:
    (folder / "video" / "video_test0.csv").write_text("something else")
    target = tmp_path / "got"
    target.mkdir()
    (target / "transcripts.csv").write_text("old")
    with pytest.raises(
        IntegrityError,
        match=r"`video/video_test0.csv` from http.* is not the recorded one.*Nothing was changed",
    ):
        registry.download("mosi", target, site, retries=0)
    assert content(target) == {"transcripts.csv": b"old"}
    assert [p.name for p in target.iterdir()] == ["transcripts.csv"]


def test_missing_file_or_server_is_reported(site: str, folder: Path, tmp_path: Path) -> None:
    (folder / "transcripts.csv").unlink()
    with pytest.raises(
        DataUnavailable, match=r"`transcripts.csv` cannot be downloaded from .* \(HTTP 404\)"
    ):
        registry.download("mosi", tmp_path / "got", site, retries=0)
    with pytest.raises(DataUnavailable, match="ConnectionError"):
        registry.download("mosi", tmp_path / "got", "http://127.0.0.1:9/", retries=0)
    assert content(tmp_path / "got") == {}


def test_interrupted_transfer_leaves_no_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Promises more than it sends."""
            made.extend(os.listdir(tmp_path / "got"))
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"half a file")

        def log_message(self, *_: Any) -> None:
            """Nothing: requests are not printed."""

    monkeypatch.setitem(registry.sources(), "mosi", replace(cmu_mosi.SOURCE, files=pins(folder)))
    begun = f"-{_files.process_start(os.getpid())}"
    (tmp_path / "got" / f".download-of_then-{_files.process_suffix().replace(begun, '-7')}").mkdir(
        parents=True
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        with pytest.raises((DataUnavailable, IntegrityError), match="changed"):
            registry.download(
                "mosi", tmp_path / "got", f"http://127.0.0.1:{running.server_port}", retries=0
            )
        running.shutdown()
    assert list((tmp_path / "got").iterdir()) == []
    assert len(made) == 1
    assert _files.PROCESS_MARK.fullmatch(made[0])


def test_unwritable_folder_is_reported(site: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataUnavailable, match="cannot be written to"):
        registry.download("mosi", tmp_path / "file", site, retries=0)


@pytest.mark.parametrize(
    ("name", "message"), [("planted", "needs no download"), ("mossi", "Did you mean 'mosi'")]
)
def test_only_known_sets_are_downloaded(name: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        registry.download(name)


def test_public_addresses_are_in_two_repositories() -> None:
    assert (
        len({f.path for f in cmu_mosi.MOSI_FILES})
        == len({f.sha256 for f in cmu_mosi.MOSI_FILES})
        == 10
    )
    for file in cmu_mosi.MOSI_FILES:
        assert file.url.startswith("https://raw.githubusercontent.com/")
        assert file.url.endswith("/" + file.path)


# ---- the real files


def test_real_files_match_the_documentation(mosi: Any) -> None:
    assert {s: len(mosi.rows(s)) for s in ("train+valid", "test")} == {
        "train+valid": 1447,
        "test": 752,
    }
    videos = {s: set(mosi.table.video.iloc[mosi.rows(s)]) for s in ("train", "valid", "test")}
    assert len(videos["train"] | videos["valid"]) == 62
    assert len(videos["test"]) == 31
    assert not videos["train"] & videos["valid"]
    assert not (videos["train"] | videos["valid"]) & videos["test"]
    assert 0.12 < len(mosi.rows("valid")) / 1447 < 0.2
    assert ((mosi.y >= 0) == mosi.table.polarity).all()
    assert (mosi.table.end >= mosi.table.start).all()
    sample = mosi.row("03bSnISJMiM_1")
    assert mosi.content(sample)["text"].text == "ANYHOW IT WAS REALLY GOOD"
    assert mosi.y[sample] == 2.4
    assert mosi.table.start.iloc[sample] == 52.73265306


def test_the_real_files_can_be_downloaded_from_a_copy(real_data: Path, tmp_path: Path) -> None:
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=str(real_data / "mosi")
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        got = registry.download("mosi", tmp_path / "got", f"http://127.0.0.1:{running.server_port}")
        running.shutdown()
    cmu_mosi.SOURCE.verify(got)
    shutil.copy(got / "text_test.csv", got / "text_train.csv")
    with pytest.raises(IntegrityError, match=r"text_train\.csv"):
        cmu_mosi.read_mosi(got)
