"""Letters of the plots of a figure: which plots have one, where it stands, and what it keeps away from."""

import plotly.graph_objects as go
import pytest
from plotly_print import Style, layout, letters, reading, render
from plotly_print.scene import Hand, Words

INK, PAPER = (0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 1.0)


def name(place: int) -> str:
    """The letter of a plot."""
    return f"({'abcdefgh'[place]})"


def grid(*domains: tuple[tuple[float, float], tuple[float, float]]) -> go.Figure:
    """A figure with a line in each of some rectangles, given by their shares in x and y."""
    figure = go.Figure(layout={"template": go.layout.Template(), "font": {"size": 13}})
    for number, (x, y) in enumerate(domains, 1):
        own = "" if number == 1 else str(number)
        figure.add_scatter(x=[0, 1], y=[0, 1000], xaxis=f"x{own}", yaxis=f"y{own}")
        figure.layout[f"xaxis{own}"] = {"domain": x, "anchor": f"y{own}", "title": {"text": "time"}}
        figure.layout[f"yaxis{own}"] = {"domain": y, "anchor": f"x{own}", "title": {"text": "size"}}
    figure.update_layout(height=400, showlegend=False)
    return figure


LEFT, RIGHT, LOWER, UPPER, ALL = (0, 0.45), (0.55, 1), (0, 0.45), (0.55, 1), (0, 1)
FOUR = grid((RIGHT, LOWER), (LEFT, LOWER), (RIGHT, UPPER), (LEFT, UPPER))


def lettered(figure: go.Figure, large: bool = False) -> tuple[list[Words], list[Words]]:
    """The letters of a figure, and its other words."""
    hand = Hand(7 / 13, INK, PAPER)
    page = layout.Layout(reading.plain(figure), hand, 252.0, None, "", "", name, large)
    words = page.page()[0].words()
    return [w for w in words if w.role == "letter"], [w for w in words if w.role != "letter"]


def test_plots_are_lettered_in_the_order_of_reading() -> None:
    own, _ = lettered(FOUR)
    places = {word.block.text: (word.box.left, word.box.bottom) for word in own}
    assert set(places) == {"(a)", "(b)", "(c)", "(d)"}
    assert places["(a)"][0] == places["(c)"][0] < places["(b)"][0] == places["(d)"][0]
    assert places["(a)"][1] == places["(b)"][1] > places["(c)"][1] == places["(d)"][1]
    assert all(run.style.bold for word in own for run in word.block.lines[0])


def test_letters_begin_where_the_words_of_their_plots_begin_and_touch_none() -> None:
    own, others = lettered(FOUR)
    titles = [word for word in others if word.block.text == "size"]
    assert min(word.box.left for word in own) == pytest.approx(
        min(title.box.left for title in titles)
    )
    for letter in own:
        room = letter.box.grown(0.2 * letter.block.size)
        assert not [word.block.text for word in others if word.box.overlaps(room)]


def test_a_single_plot_has_no_letter() -> None:
    assert lettered(grid((ALL, ALL)))[0] == []
    twice = grid((ALL, ALL), (ALL, ALL))
    twice.update_layout(yaxis2={"overlaying": "y", "side": "right", "domain": None})
    assert lettered(twice)[0] == []
    svg = render(grid((ALL, ALL)), "svg", Style(), letter=name)
    assert svg == render(grid((ALL, ALL)), "svg", Style())


def test_a_letter_stands_beside_the_first_line_of_a_heading() -> None:
    figure = grid((LEFT, ALL), (RIGHT, ALL))
    place = {"x": 0, "y": 1, "yref": "y domain", "xref": "x domain", "yanchor": "bottom"}
    figure.add_annotation(text="one<br>two", xanchor="left", showarrow=False, **place)
    own, others = lettered(figure)
    (heading,) = (word for word in others if word.role == "note")
    assert [word.box.top for word in own] == pytest.approx([heading.box.top] * 2)


def test_a_letter_stands_above_words_that_are_in_its_place() -> None:
    figure = grid((LEFT, ALL), (RIGHT, ALL))
    place = {"x": -0.4, "y": 1, "yref": "y domain", "xref": "x domain", "yanchor": "bottom"}
    figure.add_annotation(text="in its place", xanchor="left", showarrow=False, **place)
    own, others = lettered(figure)
    (note,) = (word for word in others if word.role == "note")
    assert min(word.box.bottom for word in own) > note.box.top


def test_large_letters_are_larger_than_other_words() -> None:
    usual, large = (lettered(FOUR, large)[0][0].block.size for large in (False, True))
    assert large == pytest.approx(usual * letters.LARGER)
