"""Features of a voice. Steps are means over 1 / rate seconds of values measured every 10 ms."""

import importlib.metadata
from typing import Any

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.data import compiled_code
from qfusion.data.parsing import numbered_features
from qfusion.data.sample_content import Audio
from qfusion.plugins.recordings.extractor_types import SAMPLES, Begun, Chosen

HOP = 160  # samples between two looks at a voice: 10 ms


_YIN: Any = dict(fmin=60, fmax=500, sr=SAMPLES, frame_length=1024, hop_length=HOP)


@memo(1)
def compile_pitch() -> None:
    """Compile the functions that YIN needs, or read what another process has compiled."""
    with compiled_code.compiling():
        import librosa

        librosa.yin(np.zeros(1024, np.float32), **_YIN)


def spectrum(chosen: Chosen) -> Begun:
    """Log-mel bands, MFCC, pitch by YIN (de Cheveigné and Kawahara 2002) and energy, by librosa."""
    compiled_code.keep_compiled_code()
    import librosa as lib

    bands, coefficients = chosen["bands"], chosen["coefficients"]

    def make(given: Audio) -> np.ndarray:
        compile_pitch()
        y = np.pad(given.samples, (0, max(0, 1024 - len(given.samples))))
        power = lib.feature.melspectrogram(
            y=y, sr=SAMPLES, n_fft=512, hop_length=HOP, n_mels=bands, fmin=50
        )
        mel = lib.power_to_db(power, amin=1e-10, top_db=None)
        cepstrum = lib.feature.mfcc(S=mel, n_mfcc=coefficients)
        pitch = lib.yin(y, **_YIN)
        energy = 20 * np.log10(lib.feature.rms(y=y, frame_length=512, hop_length=HOP)[0] + 1e-5)
        # a place where YIN finds no period is given the highest or lowest pitch that was allowed
        heard = (energy > -60) & (pitch > 62) & (pitch < 480)
        octaves = np.where(heard, np.log2(pitch / 100), 0.0)
        values = np.vstack([mel, cepstrum, octaves, heard, energy]).T
        times = np.arange(len(values)) * HOP / SAMPLES
        return average_steps(values, times, chosen["rate"], len(given.samples) / SAMPLES)

    return (
        *numbered_features("log-mel", bands),
        *numbered_features("MFCC", coefficients),
        *("pitch (octaves over 100 Hz)", "pitch is heard", "energy (dB)"),
    ), make


def egemaps(chosen: Chosen) -> Begun:
    """Return the names of the low-level descriptors of eGeMAPS v02 (Eyben and others 2016) and a function that
    computes them with openSMILE.
    """
    lib: Any = importlib.import_module("opensmile")
    smile = lib.Smile(lib.FeatureSet.eGeMAPSv02, lib.FeatureLevel.LowLevelDescriptors)

    def make(given: Audio) -> np.ndarray:
        frame = smile.process_signal(given.samples, given.rate)
        times = frame.index.get_level_values("start").total_seconds().to_numpy()
        values = np.nan_to_num(frame.to_numpy(np.float64))
        return average_steps(values, times, chosen["rate"], len(given.samples) / given.rate)

    return smile.feature_names, make


def average_steps(values: np.ndarray, times: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """Return means (T, F) over 1 / rate seconds each of values (n, F) at ascending times (n,) from 0 to `seconds`; a
    step that has none is as the one before."""
    steps = max(1, int(np.ceil(seconds * rate - 1e-6)))
    places = np.minimum((times * rate + 1e-6).astype(int), steps - 1)
    means = pd.DataFrame(values.astype(np.float64)).groupby(places).mean()
    return means.reindex(range(steps), method="ffill").to_numpy()
