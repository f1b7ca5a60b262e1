"""A plain Streamlit app with about as many parts as ours has on the first screen of the pages that `actions.py` visits,
and our figures by `st.plotly_chart`: what drawing costs where nothing is worked out. Run by `actions.py --bare`.
"""

import sys
from functools import partial
from pathlib import Path

import plotly.io
import streamlit as st

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from qfusion.study import opening, sample  # noqa: E402
from qfusion.views.pages import catalogue  # noqa: E402

ROWS = 6  # samples of which there are figures
GROUPS = {"Explore": 2, "Understand": 8, "Build": 4, "Learn": 2}  # links of the sidebar
USUAL = ("qj-scenes", "samples", ("verdict", "waterfall"))
# What draws the figures, and how many sliders, buttons, choices, numbers, texts and pictures there are besides.
PAGES = {
    "Samples": (USUAL, (0, 3, 3, 0, 6, 1)),
    "Dynamics": (("qj-parity", "dynamics", ("decision-over-time", "cut")), (8, 9, 3, 3, 6, 0)),
    "Circuit": (("qcnn-digits", "circuit", ("circuit", "qubits")), (4, 9, 2, 0, 5, 0)),
    "What if": (USUAL, (0, 5, 1, 2, 6, 0)),
    "Decision operators": (USUAL, (0, 1, 4, 0, 12, 4)),
    "Cohorts": (USUAL, (0, 2, 4, 0, 5, 0)),
    "Compare": (("qj-scenes", "samples", ()), (0, 5, 2, 0, 8, 4)),
    "Faithfulness": (USUAL, (0, 1, 4, 0, 18, 0)),
}


@st.cache_resource(show_spinner=False)
def figures(model: str, page: str, names: tuple[str, ...]) -> tuple[list, list]:
    """Our figures of the first samples, and the ids of all samples."""
    study = opening.open_study(model)
    specs = [
        [
            catalogue.page_parts(page)
            .panels[name]
            .build(sample.build_sample(study, row), "light")
            .spec
            for name in names
        ]
        for row in range(ROWS)
    ]
    return [[plotly.io.from_json(spec) for spec in row] for row in specs], [*study.dataset.ids]


def step(by: int) -> None:
    """Goes to another sample."""
    st.session_state["at"] = st.session_state.get("at", 0) + by


def body(title: str, drawn: list) -> None:
    """Sliders and buttons beside figures, numbers and texts, all of which change."""
    sliders, buttons, choices, numbers, texts, pictures = PAGES[title][1]
    side, main = st.columns([1, 3.4])
    with side, st.container(border=True, key="pair-knobs"):
        places = [
            st.slider(f"Strength {n}", 0.0, 2.0, 1.0, 0.05, key=f"strength-{n}")
            for n in range(sliders)
        ]
        for n in range(buttons):
            st.button(f"Button {n}")
    at = st.session_state.get("at", 0) + sum(places)
    with main:
        for n, cell in enumerate(st.columns(numbers) if numbers else ()):
            cell.metric(f"Number {n}", f"{at:.3f}", f"{at - n:+.3f}", border=True)
        with st.container(horizontal=True):
            for n in range(choices):
                st.segmented_control(f"Choice {n}", ["one", "two", "three"])
        for n, figure in enumerate(drawn[round(at / 0.05) % ROWS]):
            st.plotly_chart(figure, key=f"figure-{n}")
        for _ in range(pictures):
            st.image(str(ROOT / "qfusion" / "assets" / "icon.svg"), width=60)
        for n in range(texts):
            st.markdown(f"#### Part {n} at {at:.2f}")
        if title == "Samples":
            st.dataframe({name: [at + n for n in range(200)] for name in ("truth", "score")})


def page(title: str) -> None:
    """Draws a page."""
    targets = list(LINKED.items()) + [(f"Other {n}", LINKED[title]) for n in range(8)]
    with st.sidebar:
        for name, count in GROUPS.items():
            with st.expander(name, expanded=True):
                for _ in range(count):
                    label, target = targets.pop(0)
                    st.page_link(target, label=label)
        for name in ("Share", "Session", "Keys", "Data sets"):
            st.button(name)
    drawn, ids = figures(*PAGES[title][0])
    with st.container(horizontal=True):
        for name in ("Model", "Data", "Score of", "Compared with"):
            st.selectbox(name, [f"{name} {n}" for n in range(9)])
        st.selectbox("Sample", ids, index=st.session_state.get("at", 0))
        st.button("←", key="_previous", on_click=step, args=(-1,))
        st.button("→", key="_next", on_click=step, args=(1,))
        st.button("Pin")
    st.title(title)
    st.caption("What the page is about.")
    show = partial(body, title, drawn)
    st.fragment(show)() if PAGES[title][1][0] else show()


st.set_page_config(layout="wide")
LINKED = {
    title: st.Page(partial(page, title), title=title, url_path=title.lower().replace(" ", "_"))
    for title in PAGES
}
home = st.Page(partial(st.title, "Home"), title="Home", default=True)
st.navigation([home, *LINKED.values()], position="hidden").run()
