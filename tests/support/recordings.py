"""A folder of short recordings for tests: moving shapes, synthetic voices and sentences, made by PyAV and NumPy.

Everything in a clip is calm but for one moment of each modality, planted at a time of its own: the picture flashes
(warm or cold), a loud tone rises or falls, a word of praise or blame is said. The label is the sum of what these three
say, and a term of picture and voice together, so an explanation can be asked when each modality spoke.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

SIDE, PICTURES, SAMPLES = 64, 12, 16_000  # pixels, pictures a second, samples a second
FLASH, TONE = 1 / 3, 0.35  # seconds that the planted picture and tone last
PRAISE, BLAME = "wonderful", "terrible"
FILLERS = ("so", "then", "we", "saw")
CODECS = {".mp4": ("libx264", "mpeg4", "aac"), ".webm": ("libvpx", "libvpx-vp9", "libopus")}


@dataclass(frozen=True)
class Recording:
    """One clip and what was planted in it.

    Attributes:
        id: of the sample. path: of the file. seconds: how long it is. label: its score.
        moments: when each modality speaks, in seconds from the begin, by "text", "audio", "vision"; of those that do.
        lasting: for how long.
        signs: what each says: 1, -1, or nothing, 0.
        words: with their times, (start, end, word). place: number of the planted word among them.
    """

    id: str
    path: Path
    seconds: float
    label: float
    moments: dict[str, float]
    lasting: dict[str, float]
    signs: dict[str, int]
    words: tuple[tuple[float, float, str], ...]
    place: int

    @property
    def text(self) -> str:
        """What is said."""
        return " ".join(word for _, _, word in self.words)


def film(rng: np.random.Generator, seconds: float, moment: float, sign: int) -> np.ndarray:
    """Pictures (T, h, w, 3) of a disc that drifts over a dim ground; from `moment` on they are bright for FLASH
    seconds, warm (1), cold (-1), or not at all (0)."""
    times = np.arange(round(seconds * PICTURES)) / PICTURES
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    turn, speed, width = rng.uniform(0, 6), rng.uniform(1, 2), rng.uniform(0.1, 0.15)
    pictures = np.full((len(times), SIDE, SIDE, 3), 40, np.uint8)
    for picture, t in zip(pictures, times, strict=True):
        at = 0.5 + 0.3 * np.cos(turn + speed * t), 0.5 + 0.3 * np.sin(turn + speed * t)
        picture[np.hypot(x - at[0], y - at[1]) < width] = (90, 110, 90)
        if sign and moment <= t + 1e-9 < moment + FLASH:
            picture[:] = np.maximum(picture, (250, 180, 60) if sign > 0 else (60, 120, 250))
    return pictures


def voice(rng: np.random.Generator, seconds: float, moment: float, sign: int) -> np.ndarray:
    """Samples (n,) of a hummed voice in syllables; from `moment` on a loud tone for TONE seconds, which rises (1),
    falls deeper (-1), or is not there (0)."""
    t = np.arange(round(seconds * SAMPLES)) / SAMPLES
    pitch = rng.uniform(110, 160) * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(0.5, 1) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLES
    hum = sum(np.sin(k * phase) / k**1.5 for k in range(1, 12))
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(3, 4) * t)
    samples = 0.03 * hum * syllables + 0.002 * rng.standard_normal(len(t))
    inside = (t - moment) / TONE
    low, high = (700, 1800) if sign > 0 else (420, 180)
    tone = np.sin(2 * np.pi * np.cumsum(low + (high - low) * np.clip(inside, 0, 1)) / SAMPLES)
    shape = np.sin(np.pi * np.clip(inside, 0, 1)) ** 0.5
    return np.clip(samples + abs(sign) * 0.6 * tone * shape, -1, 1).astype(np.float32)


def write(
    path: Path,
    pictures: np.ndarray | None,
    samples: np.ndarray | None,
    rate: float = PICTURES,
    **metadata: Any,
) -> Path:
    """Writes a .mp4, .webm or .wav file of pictures (T, h, w, 3), samples (n,) at SAMPLES, or both, and returns it."""
    import av

    suffix = path.suffix.lower()
    *seen, heard = CODECS.get(suffix, ("pcm_s16le",))
    with av.open(str(path), "w", options={}) as out:
        out.metadata.update(metadata)
        video = sound = None
        if pictures is not None:
            codec = next(name for name in seen if name in av.codecs_available)
            video = out.add_stream(codec, rate=Fraction(rate).limit_denominator(1000))
            video.height, video.width = pictures.shape[1:3]
            video.pix_fmt, video.bit_rate = "yuv420p", 400_000
        if samples is not None:
            sound = out.add_stream(heard, rate=48_000 if heard == "libopus" else SAMPLES)
            sound.layout = "mono"
        if video is not None:
            for number, pixels in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
                frame.pts, frame.time_base = number, 1 / Fraction(rate).limit_denominator(1000)
                out.mux(video.encode(frame))
            out.mux(video.encode())
        if sound is not None:
            whole = av.AudioFrame.from_ndarray(
                np.round(32767 * samples)[None].astype(np.int16), "s16", "mono"
            )
            whole.sample_rate, whole.pts = SAMPLES, 0
            whole.time_base = Fraction(1, SAMPLES)
            out.mux(sound.encode(whole))
            out.mux(sound.encode())
    return path


def sentence(
    rng: np.random.Generator, seconds: float, sign: int
) -> tuple[tuple[tuple[float, float, str], ...], int]:
    """Words with their times, spread over a clip, and the place of the one that praises (1) or blames (-1); with 0
    none does."""
    count = max(3, round(2.5 * seconds) + int(rng.integers(0, 3)))
    said = list(rng.choice(FILLERS, count))
    place = int(rng.integers(1, count - 1))
    if sign:
        said[place] = PRAISE if sign > 0 else BLAME
    edges = np.linspace(0.1, seconds - 0.1, count + 1)
    words = zip(edges[:-1].tolist(), edges[1:].tolist(), map(str, said), strict=True)
    return tuple(words), place


def subtitles(words: Sequence[tuple[float, float, str]]) -> str:
    """A .srt file with a subtitle a word."""

    def stamp(t: float) -> str:
        whole = round(1000 * t)
        return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d},{whole % 1000:03d}"

    blocks = (
        f"{number}\n{stamp(start)} --> {stamp(end)}\n{word}\n"
        for number, (start, end, word) in enumerate(words, 1)
    )
    return "\n".join(blocks)


def make(
    folder: Path,
    count: int = 40,
    seconds: float = 3.0,
    suffix: str = ".mp4",
    words: str = "srt",
    split: bool = True,
    seed: int = 0,
) -> list[Recording]:
    """Fills a folder with clips and `labels.csv`, and returns what was planted.

    Args:
        folder: is made where it is not there.
        count: of clips. seconds: of each, to which up to a quarter is added. suffix: .mp4 or .webm.
        words: "srt" for a file of subtitles a clip, "column" for a column `text` of the table, or "both".
        split: whether the table says which part a clip is in: 24 of 40 to train, 4 to validate, 12 to test.
        seed: of all that is drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        signs = signs_of(number)
        length = round(seconds * rng.uniform(1, 1.25) * PICTURES) / PICTURES
        times, place = sentence(rng, length, signs["text"])
        heard = float(rng.uniform(0.3, length - TONE - 0.2))
        seen = float(rng.integers(3, round((length - FLASH) * PICTURES) - 2)) / PICTURES
        moments = {"text": times[place][0], "audio": heard, "vision": seen}
        name = f"clip-{number + 1:03d}"
        path = write(
            folder / f"{name}{suffix}",
            film(rng, length, seen, signs["vision"]),
            voice(rng, length, heard, signs["audio"]),
        )
        if words != "column":
            path.with_suffix(".srt").write_text(subtitles(times), encoding="utf-8")
        made.append(
            Recording(
                id=name,
                path=path,
                seconds=length,
                label=0.8 * sum(signs.values())
                + 0.2 * signs["text"]
                + 0.3 * signs["audio"] * signs["vision"],
                moments={name: at for name, at in moments.items() if signs[name]},
                lasting={"text": times[place][1] - times[place][0], "audio": TONE, "vision": FLASH},
                signs=signs,
                words=times,
                place=place,
            )
        )
    table(folder, made, words, split)
    return made


def signs_of(number: int) -> dict[str, int]:
    """What each modality of a clip says, by its number: 1, -1 or nothing, 0; in those of the test part never nothing,
    so that each has a moment to be found."""
    says = (
        [number >> bit & 1 for bit in range(3)],
        [7 * number // 3**place % 3 for place in range(3)],
    )
    own = (
        [1 - 2 * bit for bit in says[0]]
        if part(number) == "test"
        else [digit - 1 for digit in says[1]]
    )
    return dict(zip(("text", "audio", "vision"), own, strict=True))


def part(number: int) -> str:
    """The part of the split that a clip is in, by its number from 0 on."""
    return "test" if number % 10 in (7, 8, 9) else "valid" if number % 10 == 6 else "train"


def table(folder: Path, made: Sequence[Recording], words: str = "srt", split: bool = True) -> Path:
    """Writes `labels.csv`: id, label, and where asked for text and split."""
    path = folder / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["id", "label", *(["text"] if words != "srt" else []), *(["split"] if split else [])]
        )
        for number, one in enumerate(made):
            rows.writerow(
                [
                    one.id,
                    f"{one.label:.2f}",
                    *([one.text] if words != "srt" else []),
                    *([part(number)] if split else []),
                ]
            )
    return path


def mmsa(made: Sequence[Recording], rates: Mapping[str, float]) -> dict[str, Any]:
    """What an MMSA pickle of these recordings holds: a step a word, and so many steps a second of the other modalities,
    in whose features what was planted is seen amid noise."""
    rng, rows = np.random.default_rng(0), []
    for one in made:
        row: dict[str, np.ndarray] = {}
        for name in ("text", *rates):
            if name == "text":
                starts = np.array([start for start, _, _ in one.words])
            else:
                starts = np.arange(round(one.seconds * rates[name])) / rates[name]
            row[name] = rng.normal(0, 0.1, (len(starts), 4)).astype(np.float32)
            if name in one.moments:
                lasts = one.moments[name] + one.lasting[name] - 1e-6
                row[name][(starts >= one.moments[name] - 1e-6) & (starts < lasts)] += one.signs[
                    name
                ]
        rows.append(row)
    content: dict[str, Any] = {}
    for split in ("train", "valid", "test"):
        chosen = [number for number in range(len(made)) if part(number) == split]
        values: dict[str, Any] = {
            "id": [made[number].id for number in chosen],
            "raw_text": np.array([made[number].text for number in chosen]),
            "regression_labels": np.array([made[number].label for number in chosen]),
        }
        for name in ("text", *rates):
            longest = max(len(row[name]) for row in rows)
            lengths = [len(rows[number][name]) for number in chosen]
            values[name] = np.stack(
                [
                    np.pad(rows[number][name], ((0, longest - length), (0, 0)))
                    for number, length in zip(chosen, lengths, strict=True)
                ]
            )
            if name != "text":
                values[f"{name}_lengths"] = lengths
        content[split] = values
    return content
