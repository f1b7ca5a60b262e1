"""Tweaks as text round trip for any names."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from itertools import chain, combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import qutip
from hypothesis import given, strategies as st
from streamlit.testing.v1 import AppTest

from qfusion.errors import InvalidInput, NotFound
from qfusion.models import Tweak
from qfusion.models.tweak import LEARNED, coupling_key, couplings, learned_values
from qfusion.study.opening import open_sample
from qfusion.views.pages import notebook

# Only `+` is refused in a name; characters that mean something in texts and links come up often.
NAMES = st.text(
    st.one_of(
        st.sampled_from("-,=.:%/ \t\nHT[]ab1"),
        st.characters(exclude_characters="+", exclude_categories=("Cs",)),
    ),
    min_size=1,
    max_size=6,
)
MODALITIES = st.lists(NAMES, min_size=1, max_size=4, unique=True)


def physics(*modalities: str, jumps: int = 2, duration: float = 1.3) -> Any:
    return SimpleNamespace(modalities=modalities, jump_count=jumps, duration=duration)


def terms(modalities: tuple[str, ...]) -> list[str]:
    return [
        "+".join(s)
        for s in chain.from_iterable(
            combinations(modalities, n + 1) for n in range(len(modalities))
        )
    ]


@given(MODALITIES, st.data())
def test_tweak_text_round_trips_for_any_names(modalities: list[str], data: Any) -> None:
    model = physics(*modalities, jumps=data.draw(st.integers(0, 3)))
    factors = data.draw(
        st.dictionaries(st.sampled_from(terms(model.modalities)), st.floats(-10, 10), max_size=5)
    )
    weaker = data.draw(
        st.dictionaries(st.sampled_from(terms(model.modalities)), st.floats(0, 4), max_size=3)
    )
    duration = data.draw(st.none() | st.floats(0, 20))
    tweak = Tweak(factors, weaker if model.jump_count else {}, duration).fit(model)
    assert Tweak.parse(str(tweak), model) == tweak
    spaced = str(tweak).replace(",T=", " , T = ").replace(",D.", " ,\nD.")
    assert Tweak.parse(spaced, model) == tweak
    assert Tweak.of(tweak.numbers().items(), model) == tweak
    assert hash(Tweak.parse(str(tweak), model)) == hash(tweak)


@given(MODALITIES)
def test_every_coupling_has_a_key_of_its_own(modalities: list[str]) -> None:
    keys = [coupling_key(term) for term in terms(tuple(modalities))]
    assert len(set(keys)) == len(keys)
    assert list(couplings(tuple(modalities))) == keys
    for key, term in zip(keys, terms(tuple(modalities)), strict=True):
        if not set("-,=") & set(term) and not any(name[-1].isspace() for name in term.split("+")):
            assert key == "H." + term.replace("+", "-")


def test_hyphens_in_names() -> None:
    model = physics("a", "b", "a-b", "b-c", "c")
    assert str(Tweak({"a+b": 0.5, "a-b": 0.0})) == "H.a-b=0.5,H.a+-b=0"
    assert Tweak.parse("H.a-b=0.5, H.a+-b = 0", model).couplings == {"a+b": 0.5, "a-b": 0.0}
    assert Tweak.parse("H.a-b-c=2", model).couplings == {"a+b+c": 2.0}
    assert Tweak.parse("H.left+-hand=0,H.x-left+-hand=2", physics("x", "left-hand")).couplings == {
        "left-hand": 0.0,
        "x+left-hand": 2.0,
    }
    with pytest.raises(NotFound, match=r"H\.a-b-c"):
        Tweak.parse("H.a-b-c=2", physics("a", "b-c", "a-b", "d"))


def test_equal_tweaks_have_one_form() -> None:
    model = physics("text", "audio", duration=1.3)
    every = [
        Tweak({"text+audio": 0.5, "text": 1.0}, {"audio": 1.0}, 1.3),
        Tweak({"text+audio": 0.5}),
        Tweak({"text": 1, "text+audio": 0.5}),
    ]
    assert {tweak.fit(model) for tweak in every} == {Tweak({"text+audio": 0.5})}
    assert list(Tweak({"text+audio": 0.5, "audio": 0.0}).fit(model).couplings) == [
        "audio",
        "text+audio",
    ]
    assert (
        Tweak.of(learned_values(model).items(), model)
        == Tweak.parse("", model)
        == Tweak.parse("H.text=1,T=1.3,", model)
        == LEARNED
    )
    assert str(LEARNED) == ""
    assert (
        str(Tweak(dissipations={"text+audio": 0.5, "text": 1.0}).fit(model)) == "D.text-audio=0.5"
    )
    assert copy.deepcopy(every[0]) == every[0]
    assert dataclasses.replace(every[1], duration=0.1 + 0.2).numbers() == {
        "H.text-audio": 0.5,
        "T": 0.1 + 0.2,
    }


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("H.smell=1", NotFound, "'H.smell' does not exist"),
        ("H.txt=1", NotFound, "Did you mean 'H.text'"),
        ("D.3=1", NotFound, "D.3"),
        ("D.text", InvalidInput, "must look like"),
        ("=1", NotFound, "''"),
        ("T=1,T=x", InvalidInput, "`T` must be a number"),
        ("T=1e3", InvalidInput, "`T` must lie between 0 and 20"),
        ("H.text=-11", InvalidInput, "`H.text` must lie between -10 and 10"),
        ("D.text=nan", InvalidInput, "`D.text`"),
        ("H.text+audio=1", NotFound, "H.text-audio"),
        ("H.text=1+,T=2", InvalidInput, "1\\+,T=2"),
        ("+", InvalidInput, "must look like"),
        ("D.text=-1", InvalidInput, "`D.text` must lie between 0 and 4"),
        ("D.smell=1", NotFound, "'D.smell' does not exist"),
    ],
)
def test_invalid_tweaks_are_refused(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Tweak.parse(text, physics("text", "audio"))


def test_model_with_a_duration_beyond_the_slider() -> None:
    model = physics("text", duration=25.0)
    assert Tweak.of(learned_values(model).items(), model) == LEARNED
    with pytest.raises(InvalidInput, match="between 0 and 25"):
        Tweak.parse("T=26", model)


def page() -> None:
    """Sliders of a model with a hyphen in a name."""
    from types import SimpleNamespace

    import streamlit as st
    import torch

    from qfusion.app import links, state
    from qfusion.app.models import tweaks
    from qfusion.models.protocols import Evolution
    from qfusion.quantum.lindblad import System
    from qfusion.views.pages import choices

    names, one = ("a", "b-c", "a-b", "c"), torch.eye(16, dtype=torch.complex128).roll(5, 0)
    system = System(one + one.mH, one[None], (2, 2, 2, 2), names)
    model = SimpleNamespace(
        modalities=names,
        jump_count=1,
        duration=1.0,
        system=lambda: system,
        state_dict=dict,
        settings={},
        part=lambda protocol: protocol is Evolution,
    )
    study = SimpleNamespace(model=model, modalities=names, memo_key=lambda background: "page")
    links.restore_from_url("Dynamics")
    view = state.current()
    rules = {one.key: one.rule(study) for one in choices.sliders(view, study)}  # type: ignore[arg-type]
    links.drop_invalid(rules)
    links.drop_unknown(rules)
    st.text(str(tweaks.draw_sliders(study)))  # type: ignore[arg-type]
    state.write_address()


def test_links_set_the_sliders_of_names_with_hyphens() -> None:
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params |= {"H.a+-b": "0.5", "H.a-a+-b": "0.25", "T": "0.5"}
    app.run()
    assert not app.exception
    assert app.text[0].value == "H.a+-b=0.5,H.a-a+-b=0.25,T=0.5"
    assert set(app.query_params) == {"H.a+-b", "H.a-a+-b", "T"}
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params |= {"H.b": "0", "T": "0.5"}
    app.run()
    assert app.text[0].value == "T=0.5"
    assert "'H.b' does not exist" in app.session_state["_notices"][0]


def test_correlation_of_the_modalities_of_a_slider_equals_qutip() -> None:
    """Against entropies of QuTiP's states, by its partial trace."""
    sample = open_sample("qj-planted", "p0031")
    text_audio, every = ("text", "audio"), sample.modalities

    def entropy(rho: qutip.Qobj, part: Sequence[str]) -> float:
        return float(qutip.entropy_vn(rho.ptrace([every.index(name) for name in part])))

    def together(rho: qutip.Qobj, part: Sequence[str]) -> float:
        rest = [name for name in every if name not in part]
        sides = [part, rest] if len(part) == 1 else [[name] for name in part]
        return sum(entropy(rho, side) for side in sides) - entropy(
            rho, every if len(part) == 1 else part
        )

    def entangled(rho: qutip.Qobj, part: Sequence[str]) -> float:
        places = [every.index(name) for name in part]
        state = rho if len(part) == 1 else rho.ptrace(places)
        swapped = (
            [place in places for place in range(len(every))] if len(part) == 1 else [True, False]
        )
        return float(np.log2(qutip.partial_transpose(state, swapped).norm("tr")))

    asked: list[tuple[str, dict[str, tuple[str, ...]]]] = [
        ("H.text-audio=0.45", {"mutual information": text_audio, "log-negativity": text_audio}),
        (
            "D.text-audio=2,H.text-audio=0.5",
            {
                "mutual information of text and audio": text_audio,
                "log-negativity of text and audio": text_audio,
            },
        ),
        (
            "H.vision=0",
            {
                "mutual information of vision with the rest": ("vision",),
                "log-negativity of vision with the rest": ("vision",),
            },
        ),
        ("H.text-audio-vision=0", {"total correlation": every}),
        ("T=0.5", {"total correlation": every}),
        ("T=0", {"total correlation": every}),
        (
            "H.text-audio=0,D.text=2",
            {
                "mutual information of text and audio": text_audio,
                "mutual information of text with the rest": ("text",),
            },
        ),
        (
            "H.text-audio=0,T=0.5",
            {
                "mutual information of text and audio": text_audio,
                "total correlation of text, audio and vision": every,
            },
        ),
        ("H.text-audio=0,H.text-vision=0,H.audio-vision=0", {"total correlation": every}),
    ]
    for tweak, parts in asked:
        tweaked = dataclasses.replace(sample, tweak=tweak)
        found = notebook.correlation_change(tweaked)
        assert list(found) == list(parts)
        ends = [
            qutip.Qobj(each.track().rho[-1], dims=[list(sample.model.dims)] * 2)
            for each in (sample, tweaked)
        ]
        for name, part in parts.items():
            bits = name.startswith("log-negativity")
            wanted = [(entangled if bits else together)(rho, part) for rho in ends]
            assert found[name][:2] == pytest.approx(wanted, abs=3e-5), (tweak, name)
            assert found[name][2] == ("bits" if bits else "nats")
