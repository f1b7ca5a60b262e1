"""Content made from a latent, and the features measured from it: sentences of a grammar, hummed voices, drawn faces,
and the prosody of a waveform.
"""

from bisect import bisect_left
from collections.abc import Mapping
from operator import itemgetter

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

# Short opinions from a grammar, and what they say: a valence that depends on the order of the words.
#
# `valence` is the meaning of a sentence, by rule. A word of opinion counts with its own value, times the last
# intensifier
# or downtoner before it ("extremely good"), times -0.6 when a negation came before it in the same clause ("not good" is
# mildly bad, and so is "do not think it was good"). After "but" a new clause begins that counts three times as much as
# the first ("good but boring" is bad, "boring but good" is good); after "and" both count the same. Everything else is
# filler.
#
# `sentence` finds words for a wanted valence; the latent of a sample is what the words then say, exactly.

OPINIONS = {
    "superb": 0.70,
    "wonderful": 0.66,
    "brilliant": 0.62,
    "excellent": 0.58,
    "great": 0.54,
    "lovely": 0.50,
    "charming": 0.46,
    "good": 0.42,
    "funny": 0.38,
    "pleasant": 0.34,
    "clever": 0.30,
    "decent": 0.24,
    "fine": 0.18,
    "okay": 0.10,
    "plain": -0.10,
    "dated": -0.18,
    "odd": -0.24,
    "slow": -0.30,
    "dull": -0.34,
    "weak": -0.38,
    "bad": -0.42,
    "boring": -0.46,
    "annoying": -0.50,
    "ugly": -0.54,
    "poor": -0.58,
    "awful": -0.62,
    "terrible": -0.66,
    "dreadful": -0.70,
    "loved": 0.64,
    "enjoyed": 0.52,
    "liked": 0.40,
    "disliked": -0.40,
    "regretted": -0.52,
    "hated": -0.64,
    "love": 0.64,
    "enjoy": 0.52,
    "like": 0.40,
    "dislike": -0.40,
    "regret": -0.52,
    "hate": -0.64,
}
INTENSIFIERS = {
    "slightly": 0.5,
    "somewhat": 0.65,
    "fairly": 0.8,
    "rather": 0.9,
    "really": 1.15,
    "very": 1.25,
    "truly": 1.3,
    "extremely": 1.4,
}
NEGATIONS = ("not", "never")
FILLERS = ("um", "well", "honestly", "anyway", "actually", "basically", "erm", "yeah")
TOPICS = (
    "movie",
    "plot",
    "acting",
    "music",
    "concert",
    "book",
    "story",
    "game",
    "talk",
    "course",
    "food",
    "service",
    "hotel",
    "room",
    "phone",
    "camera",
    "battery",
    "screen",
    "coffee",
    "trip",
)
FUNCTION = ("the", "was", "i", "it", "did", "do", "think", "thought", "found")
JOINS = ("and", "but")
VOCABULARY = (*OPINIONS, *INTENSIFIERS, *NEGATIONS, *JOINS, *FILLERS, *TOPICS, *FUNCTION)

NEGATED = -0.6
AFTER_BUT = 0.75  # the share of the clause after "but"
MAX_WORDS = 24

WORD_FEATURES = (
    "opinion value",
    "is opinion",
    "strength",
    "is intensifier",
    "is negation",
    "is 'and'",
    "is 'but'",
    "is filler",
    "is topic",
    "is function word",
)

_PAST = {
    "love": "loved",
    "enjoy": "enjoyed",
    "like": "liked",
    "dislike": "disliked",
    "regret": "regretted",
    "hate": "hated",
}
_VERB_STRENGTHS = ("slightly", "somewhat", "rather", "really", "truly")


def valence(words: tuple[str, ...]) -> float:
    """Returns what the words say, in [-1, 1], by the rule above.

    >>> round(valence(("the", "plot", "was", "not", "really", "good")), 4)
    -0.2898
    """
    clauses, negated, strength, value, last_join = [], False, 1.0, 0.0, "and"
    for word in (*words, "end"):
        if word in OPINIONS:
            value = OPINIONS[word] * strength * (NEGATED if negated else 1)
        elif word in INTENSIFIERS:
            strength = INTENSIFIERS[word]
        elif word in NEGATIONS:
            negated = True
        elif word in JOINS or word == "end":
            clauses.append(value)
            negated, strength, value = False, 1.0, 0.0
            last_join = word if word in JOINS else last_join
    if len(clauses) == 1:
        return clauses[0]
    share = AFTER_BUT if last_join == "but" else 0.5
    return (1 - share) * clauses[0] + share * clauses[1]


_STRENGTHS = {"": 1.0, **INTENSIFIERS}
# Every opinion word with every intensifier; of verbs only some go with one.
_OPINIONS = [
    (word, intensifier)
    for word in OPINIONS
    for intensifier in (("", *_VERB_STRENGTHS) if word in _PAST else _STRENGTHS)
    if word not in _PAST.values()
]
# By whether they are negated: their values, words and intensifiers, in order.
_PHRASES = {
    negated: sorted((factor * OPINIONS[w] * _STRENGTHS[i], w, i) for w, i in _OPINIONS)
    for negated, factor in ((False, 1.0), (True, NEGATED))
}


def _clause(wanted: float, rng: np.random.Generator) -> list[str]:
    # A negated phrase reaches 0.59 at most, so strong opinions are said without negation.
    negated = bool(abs(wanted) < 0.55 and rng.random() < 0.4)
    phrases = _PHRASES[negated]
    at = bisect_left(phrases, wanted, key=itemgetter(0)) + int(rng.integers(-3, 4))
    _, word, intensifier = phrases[min(max(at, 0), len(phrases) - 1)]
    phrase = [intensifier, word] if intensifier else [word]
    the = ["the", TOPICS[rng.integers(len(TOPICS))]]
    form = int(rng.integers(3))
    if word in _PAST:
        if not negated:
            return ["i", *phrase[:-1], _PAST[word], *the]
        return [
            "i",
            *(["did", "not"], ["never"], ["did", "not"])[form],
            *phrase[:-1],
            _PAST[word] if form == 1 else word,
            *the,
        ]
    if negated:
        return [
            [*the, "was", "not", *phrase],
            ["i", "do", "not", "think", *the, "was", *phrase],
            ["i", "never", "thought", *the, "was", *phrase],
        ][form]
    return [
        [*the, "was", *phrase],
        ["i", "found", *the, *phrase],
        ["i", "think", "it", "was", *phrase],
    ][form]


def sentence(wanted: float, rng: np.random.Generator) -> tuple[str, ...]:
    """Returns the words of a sentence whose valence is close to `wanted` (in [-1, 1]; about 0.02 off)."""
    kind = rng.random()
    words: list[str] = []
    if kind < 0.5:
        other = (
            float(rng.uniform(-0.9, 0.9)) if kind < 0.28 else wanted + float(rng.uniform(-0.4, 0.4))
        )
        share = AFTER_BUT if kind < 0.28 else 0.5
        rest = (wanted - (1 - share) * other) / share
        if max(abs(other), abs(rest)) < 0.9:
            first = _clause(other, rng)
            # The second clause makes up for what the first one missed.
            rest = (wanted - (1 - share) * valence(tuple(first))) / share
            words = [*first, "but" if kind < 0.28 else "and", *_clause(rest, rng)]
    words = words or _clause(wanted, rng)
    for _ in range(int(rng.integers(0, 3))):
        words.insert(int(rng.integers(0, len(words))), FILLERS[rng.integers(len(FILLERS))])
    return tuple(words)


def vectors() -> dict[str, np.ndarray]:
    """Returns each word's vector (10,), float32: its opinion value, its strength, and what kind of word it is."""
    return {
        word: np.array(
            [
                OPINIONS.get(word, 0.0),
                word in OPINIONS,
                INTENSIFIERS.get(word, 1.0) - 1,
                word in INTENSIFIERS,
                word in NEGATIONS,
                word == "and",
                word == "but",
                word in FILLERS,
                word in TOPICS,
                word in FUNCTION,
            ],
            np.float32,
        )
        for word in VOCABULARY
    }


def word_features(sentences: list[tuple[str, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the word vectors (N, MAX_WORDS, 10), zero-padded, and the numbers of words (N,)."""
    table = vectors()
    values = np.zeros((len(sentences), MAX_WORDS, len(WORD_FEATURES)), dtype=np.float32)
    for row, words in enumerate(sentences):
        values[row, : len(words)] = [table[word] for word in words]
    return values, np.array([len(words) for words in sentences])


# A voice made from a latent: a hummed sentence of a few syllables whose melody, loudness and tempo follow it.
#
# The source is a sum of harmonics shaped by three formants (additive synthesis from one period in a
# table), with a pitch that glides, a small vibrato and jitter, an accent and a loudness bump per
# syllable, breath, and a burst of noise at every onset. The higher the latent a, the higher,
# livelier and more rising the melody, the louder and brighter the voice, the faster the syllables.
# Speakers differ in pitch, vocal tract, tempo, loudness and breath, so a is told from the melody's
# shape, not its height alone.
#
# Per-sample arithmetic uses only additions and products of rounded numbers, and the result is 16-bit: the same on any
# machine.

RATE = 8000  # samples a second
STEP = 40  # samples between control points: 5 ms
MAX_SECONDS = 1.76  # seconds; a whole number of prosody frames
SAMPLES = int(MAX_SECONDS * RATE)
MIN_SECONDS = 1.0
SPEAKERS = 24
_TABLE = 512
_NOISE = 1 << 16

# First three formants (Hz) of five vowels, Peterson and Barney (1952), men's averages, rounded.
_VOWELS = np.array(
    [(730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240)],
    float,
)


_WIDTHS = np.array([80.0, 110.0, 160.0])

Parameters = Mapping[str, np.ndarray]  # what samples are made from, by name: an entry (or row) each


def parameters_of(p: Parameters, rows: np.ndarray | slice) -> dict[str, np.ndarray]:
    """Returns the parameters of some samples."""
    return {name: values[rows] for name, values in p.items()}


def draw_voices(rng: np.random.Generator, a: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what recordings are made from that say the latents `a` (N,), each by one of SPEAKERS speakers.

    Returns:
        speaker: number of the speaker.
        pitch: the speaker's base pitch in Hz.
        tract: factor on the formants; short tracts have high ones.
        loudness: factor on the amplitude.
        breath: share of noise in the voice.
        duration: seconds.
        syllables: how many.
        level: shift of the melody in octaves; higher for higher latents.
        slope: rise of the melody from beginning to end, in octaves.
        accent: rise of pitch within each syllable, in octaves.
        tilt: fall of the harmonics, as an exponent of their number.
        vowels: (N, 2), the two vowels that alternate.
        phase: of the vibrato, in turns.
        jitter: (N, 32) small random pitch deviations along the recording, in octaves.
        noise_at: where in the noise bank its noise begins.
    """
    count = len(a)
    habits = {
        "pitch": 95 * (225 / 95) ** np.linspace(0, 1, SPEAKERS),
        "tract": rng.uniform(-0.06, 0.06, SPEAKERS) + np.linspace(0.92, 1.14, SPEAKERS),
        "tempo": rng.uniform(3.8, 4.8, SPEAKERS),
        "loudness": rng.uniform(-2, 2, SPEAKERS),
        "breath": rng.uniform(0.01, 0.04, SPEAKERS),
        "tilt": rng.uniform(0.9, 1.3, SPEAKERS),
    }
    who = rng.integers(0, SPEAKERS, count)
    wobble = rng.standard_normal((5, count))
    tempo = habits["tempo"][who] * (1 + 0.15 * a + 0.03 * wobble[0])
    syllables = np.clip(np.round(tempo * rng.uniform(1.15, 1.5, count)), 4, 8).astype(int)
    return dict(
        speaker=who,
        pitch=habits["pitch"][who],
        tract=habits["tract"][who],
        breath=habits["breath"][who],
        loudness=0.2 * 10 ** ((habits["loudness"][who] + 3.5 * a + 0.5 * wobble[1]) / 20),
        duration=np.clip(np.round(syllables / tempo, 3), MIN_SECONDS, MAX_SECONDS - 0.01),
        syllables=syllables,
        level=0.12 * a + 0.03 * wobble[2],
        slope=0.42 * a + 0.03 * wobble[3],
        accent=0.07 + 0.05 * a,
        tilt=habits["tilt"][who] - 0.15 * a + 0.03 * wobble[4],
        vowels=rng.integers(0, len(_VOWELS), (count, 2)),
        phase=rng.random(count),
        jitter=0.006 * rng.standard_normal((count, 32)),
        noise_at=rng.integers(0, _NOISE, count),
    )


def _periods(p: Parameters) -> np.ndarray:
    """One period of both vowels, (N, 2, _TABLE), unit RMS: harmonics weighted by the formants they fall on."""
    harmonics = np.arange(1, 25)
    hertz = p["pitch"][:, None] * harmonics
    formants = _VOWELS[p["vowels"]] * p["tract"][:, None, None]
    # Resonances as Lorentzian lines; the small constant keeps the harmonics between formants audible.
    gain = (
        1 / (1 + ((hertz[:, None, :, None] - formants[:, :, None, :]) / (2 * _WIDTHS)) ** 2)
    ).sum(-1) + 0.05
    gain = gain * harmonics ** -p["tilt"][:, None, None] * (hertz[:, None] < 0.6 * RATE / 2)
    period = gain @ np.sin(
        2 * np.pi * np.outer(harmonics, np.arange(_TABLE) / _TABLE) + harmonics[:, None] ** 2
    )  # spread phases: lower peaks
    return np.round(period / np.sqrt((period**2).mean(-1, keepdims=True)), 5)


def contours(p: Parameters) -> dict[str, np.ndarray]:
    """Returns control curves, each (N, SAMPLES / STEP + 1): "pitch" (Hz), "voice" and "noise" (amplitudes), "blend".

    They are given every STEP samples and zero in amplitude after the recording's end.
    """
    seconds = np.arange(SAMPLES // STEP + 1) * (STEP / RATE)
    along = seconds / p["duration"][:, None]  # 0 at the beginning, 1 at the end
    syllable = np.clip(along, 0, 1) * p["syllables"][:, None]
    within = syllable - np.floor(syllable)
    bump = np.sin(np.pi * within) ** 2
    jitter = np.stack(
        [
            np.interp(row, np.linspace(0, 1, len(values)), values)
            for row, values in zip(along, p["jitter"], strict=True)
        ]
    )
    vibrato = 0.008 * np.sin(2 * np.pi * (5.5 * seconds + p["phase"][:, None]))
    octaves = (
        p["level"][:, None]
        + (p["slope"][:, None] - 0.08) * (np.clip(along, 0, 1) - 0.5)
        + p["accent"][:, None] * (bump - 0.5)
        + vibrato
        + jitter
    )
    fade = np.minimum(1, np.minimum(along, 1 - along) * 12) * ((along > 0) & (along < 1))
    burst = np.exp(-((within * p["duration"][:, None] / p["syllables"][:, None] / 0.02) ** 2))
    voice = p["loudness"][:, None] * fade * (0.35 + 0.65 * bump)
    noise = fade * (p["breath"][:, None] * voice + 0.12 * p["loudness"][:, None] * burst)
    return {
        "pitch": np.round(p["pitch"][:, None] * 2**octaves, 4),
        "voice": np.round(voice, 6),
        "noise": np.round(noise, 6),
        "blend": np.round(0.5 + 0.5 * np.sin(np.pi * syllable), 6),
    }


def _upsample(curve: np.ndarray) -> np.ndarray:
    """Linear interpolation of control points (N, c + 1) to samples (N, c * STEP), float32."""
    points = curve.astype(np.float32)
    rise = np.diff(points)[..., None] * (np.arange(STEP) / np.float32(STEP)).astype(np.float32)
    return (points[:, :-1, None] + rise).reshape(len(points), -1)


def synthesise(p: Parameters) -> np.ndarray:
    """Returns the recordings as 16-bit samples (N, SAMPLES) at RATE; zero after each recording's duration."""
    curves = contours(p)
    pitch = curves["pitch"]
    # Phase in samples: exact trapezoids at the control points, a parabola between them.
    starts = np.zeros_like(pitch)
    np.cumsum((pitch[:, 1:] + pitch[:, :-1]) * (STEP / 2), axis=1, out=starts[:, 1:])
    k = np.arange(STEP)
    phase = (
        starts[:, :-1, None]
        + pitch[:, :-1, None] * k
        + (pitch[:, 1:, None] - pitch[:, :-1, None]) * (k * k / (2 * STEP))
    )
    index = (phase * (_TABLE / RATE)).astype(np.int32).reshape(len(pitch), -1) & (_TABLE - 1)
    index += (np.arange(len(pitch), dtype=np.int32) * _TABLE)[:, None]
    periods = _periods(p).astype(np.float32)
    first, second = periods[:, 0].ravel().take(index), periods[:, 1].ravel().take(index)
    sound = (first + (second - first) * _upsample(curves["blend"])) * _upsample(curves["voice"])
    noise = np.round(np.random.default_rng(7).standard_normal(_NOISE), 4).astype(np.float32)
    bank = np.resize(noise, _NOISE + SAMPLES)
    sound += _upsample(curves["noise"]) * np.stack(
        [bank[at : at + SAMPLES] for at in p["noise_at"]]
    )
    return np.rint(np.clip(sound, -1, 1) * np.float32(32767)).astype(np.int16)


# A drawn face whose mouth, brows and eyes follow a latent, with position, size, skin and light as nuisance.
#
# A smile bends the mouth up, opens it a little, lifts the brows and narrows the eyes from below; a frown bends it down
# and pulls the brows together. Drawn with Pillow at several times the wanted size and averaged down, which is what
# smooths the edges; that reduction is integer arithmetic, so the pixels are the same on any machine
# with the same Pillow.

SIDE = 24  # pixels of the features
SHOWN = 192  # pixels of the picture for a person
_OVER = 4  # how much larger the drawing is than the features


# Skin tones from light to dark (RGB).
_SKINS = np.array(
    [
        (255, 224, 196),
        (241, 194, 150),
        (224, 172, 120),
        (206, 144, 98),
        (172, 116, 76),
        (146, 96, 62),
    ],
    float,
)


def draw_faces(rng: np.random.Generator, v: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what faces are drawn from that show the latents `v` (N,).

    Returns:
        bend: of the mouth, -1 (down) to 1 (up).
        brow: lift of the inner ends of the brows, -1 (pulled down) to 1.
        lids: opening of the eyes, 0 (closed) to 1.
        gape: opening of the mouth, 0 to 1.
        x, y: position, in parts of the picture.
        size: factor on everything.
        skin: from light (0) to dark (1).
        light: factor on all colours.
        shade: light falling from the left (> 0) or the right (< 0).
    """
    count = len(v)
    wobble = 0.04 * rng.standard_normal((4, count))
    drawn = dict(
        bend=v + wobble[0],
        brow=v + wobble[1] * 2,
        lids=np.clip(0.62 - 0.25 * v + wobble[2], 0.25, 1),
        gape=np.clip(0.3 * np.abs(v) + wobble[3], 0, 1),
        x=rng.uniform(-0.025, 0.025, count),
        y=rng.uniform(-0.025, 0.025, count),
        size=rng.uniform(0.95, 1.05, count),
        skin=rng.random(count),
        light=rng.uniform(0.85, 1.1, count),
        shade=rng.uniform(-0.15, 0.15, count),
    )
    return {name: np.round(values, 6) for name, values in drawn.items()}


def _skin(tone: float) -> np.ndarray:
    at = tone * (len(_SKINS) - 1)
    low = min(int(at), len(_SKINS) - 2)
    return _SKINS[low] + (at - low) * (_SKINS[low + 1] - _SKINS[low])


def _colour(rgb: np.ndarray | tuple[int, int, int], light: float) -> tuple[int, int, int]:
    r, g, b = (int(min(255, round(float(c) * light))) for c in rgb)
    return r, g, b


def picture(p: Parameters, row: int, side: int) -> Image.Image:
    """Returns one face, drawn `side` pixels wide and high, RGB, without smoothing."""
    own = {name: float(values[row]) for name, values in p.items()}
    light, bend, lids, gape = (own[name] for name in ("light", "bend", "lids", "gape"))
    image = Image.new("RGB", (side, side), _colour((206, 216, 224), light))
    pen = ImageDraw.Draw(image)
    unit = side * 0.44 * own["size"]  # half the width of the head
    cx, cy = side * (0.5 + own["x"]), side * (0.5 + own["y"])

    def at(x: float, y: float) -> tuple[int, int]:
        return round(cx + unit * x), round(cy + unit * y)

    def thick(width: float) -> int:
        return max(1, round(unit * width))

    skin, shade = _skin(own["skin"]), own["shade"]
    pen.ellipse([at(-0.95, -1.05), at(0.95, 1.05)], fill=_colour(skin, light * (1 - abs(shade))))
    lit = (-0.95, 0.45) if shade > 0 else (-0.45, 0.95)  # the lit side of the head
    pen.ellipse([at(lit[0], -1.0), at(lit[1], 1.0)], fill=_colour(skin, light))
    for eye in (-0.4, 0.4):
        for width, height, colour in ((0.2, 0.2, (250, 250, 250)), (0.1, 0.14, (40, 30, 30))):
            pen.ellipse(
                [
                    at(eye - width, -0.25 - height * lids),
                    at(eye + width, -0.25 + height * lids),
                ],
                fill=_colour(colour, light),
            )
    inner, outer = -0.62 - 0.14 * own["brow"], -0.62 - 0.02 * own["brow"]
    for turned in (-1, 1):
        pen.line(
            [at(turned * 0.17, inner), at(turned * 0.62, outer)],
            fill=_colour((60, 40, 30), light),
            width=thick(0.12),
        )
    across = [i / 8 - 1 for i in range(17)]
    upper = [at(0.5 * x, 0.5 + 0.3 * bend * (0.5 - x * x)) for x in across]
    lower = [
        at(0.5 * x, 0.5 + 0.3 * bend * (0.5 - x * x) + 0.3 * gape * (1 - x * x)) for x in across
    ]
    pen.polygon(upper + lower[::-1], fill=_colour((70, 12, 22), light))
    pen.line(upper, fill=_colour((116, 22, 38), light), width=thick(0.16), joint="curve")
    pen.line(lower, fill=_colour((116, 22, 38), light), width=thick(0.1), joint="curve")
    return image


def pixels(p: Parameters) -> np.ndarray:
    """Returns the grey pixels of the faces, uint8 (N, SIDE, SIDE)."""
    return np.stack(
        [
            np.asarray(picture(p, row, SIDE * _OVER).convert("L").reduce(_OVER))
            for row in range(len(p["bend"]))
        ]
    )


def portrait(p: Parameters, row: int) -> np.ndarray:
    """Returns one face for a person to see, uint8 (SHOWN, SHOWN, 3)."""
    return np.asarray(picture(p, row, SHOWN * 3).reduce(3))


# Prosody measured from a waveform: pitch by autocorrelation, voicing, energy and spectral centroid, frame by frame.
#
# The pitch method is that of Boersma (1993), "Accurate short-term analysis of the fundamental frequency and the
# harmonics-to- noise ratio of a sampled sound", in its simple form: the autocorrelation of the
# windowed frame, divided by that of the window, has its highest peak at the period; a parabola
# through the peak refines it. The transforms are SciPy's.

PROSODY_RATE = 8000
FRAME = 640  # samples: 80 ms, six periods of the deepest voice
LOWEST, HIGHEST = 65.0, 420.0  # Hz searched for the pitch
SILENT = 1e-4  # RMS below which a frame has no pitch and no centroid

PROSODY_FEATURES = (
    "pitch (octaves re 150 Hz)",
    "pitch re median (octaves)",
    "pitch change (octaves)",
    "voicing",
    "energy (20 dB)",
    "energy change (20 dB)",
    "spectral centroid (kHz)",
)


def _pitch(power: np.ndarray, window: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in Hz and height of the autocorrelation peak, from power spectra (..., size // 2 + 1)."""
    from scipy import fft

    shortest, longest = int(PROSODY_RATE / HIGHEST), int(PROSODY_RATE / LOWEST) + 1
    lags = np.arange(shortest - 1, longest + 2)
    own = fft.irfft(np.abs(fft.rfft(window, size)) ** 2, size)
    raw = fft.irfft(power, size)
    level = raw[..., lags] / np.maximum(raw[..., :1], 1e-12) / (own[lags] / own[0])
    # A slight preference for short lags keeps the search from settling an octave too low.
    best = (
        np.argmax((level - 0.1 * np.log2(lags * LOWEST / PROSODY_RATE))[..., 1:-1], axis=-1)[
            ..., None
        ]
        + 1
    )
    left, peak, right = (
        np.take_along_axis(level, best + shift, -1)[..., 0] for shift in (-1, 0, 1)
    )
    curvature = left - 2 * peak + right
    shift = np.where(
        np.abs(curvature) > 1e-9, (left - right) / (2 * np.where(curvature == 0, 1, curvature)), 0.0
    )
    return PROSODY_RATE / (lags[best[..., 0]] + np.clip(shift, -0.5, 0.5)), np.clip(peak, 0, 1)


def _filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replaces unknown steps (N, T) by the last known one, or by the first known one at the beginning; 0 if none is."""
    steps = pd.DataFrame(np.where(known, values, np.nan))
    return steps.ffill(axis=1).bfill(axis=1).fillna(0.0).to_numpy()


def _change(values: np.ndarray) -> np.ndarray:
    return np.diff(values, axis=1, prepend=values[:, :1])


def prosody_features(waves: np.ndarray, duration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the prosody of recordings.

    Args:
        waves: 16-bit samples (N, n) at RATE, n a multiple of FRAME.
        duration: seconds of each that are speech, (N,).

    Returns:
        Features (N, n / FRAME, 7), float64, zero beyond each recording's frames, and the number of frames (N,).
        An unvoiced frame takes the pitch of the last voiced one.
    """
    from scipy import (
        fft,  # on demand: it takes longer to import than all else that a list of data sets needs
    )

    sound = waves.reshape(len(waves), -1, FRAME) / 32768.0
    window = np.hanning(FRAME + 2)[1:-1]
    size = fft.next_fast_len(FRAME + int(PROSODY_RATE / LOWEST) + 3, real=True)
    power = np.abs(fft.rfft(sound * window, size)) ** 2
    hertz, voicing = _pitch(power, window, size)
    rms = np.sqrt((sound**2).mean(axis=-1))
    lengths = np.floor(np.asarray(duration) * PROSODY_RATE / FRAME + 1e-9).astype(int)
    real = np.arange(sound.shape[1]) < lengths[:, None]
    heard = real & (rms > SILENT)
    # a frame counts as voiced from this height of the peak on
    pitch = _filled(np.log2(hertz / 150), heard & (voicing > 0.5))
    median = np.nanmedian(np.where(real, pitch, np.nan), axis=1, keepdims=True)
    energy = np.log10(np.maximum(rms, SILENT)) + 1
    centroid = (power @ (np.arange(power.shape[-1]) * (PROSODY_RATE / size / 1000))) / np.maximum(
        power.sum(-1), 1e-12
    )
    features = np.stack(
        [
            pitch,
            pitch - median,
            _change(pitch),
            np.where(heard, voicing, 0),
            energy,
            _change(energy),
            np.where(heard, centroid, 0),
        ],
        axis=-1,
    )
    return features * real[..., None], lengths
