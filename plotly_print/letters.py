"""Letters of the plots of a figure that has several: (a), (b), (c), bold, at the upper left outside
of each."""

from collections.abc import Callable
from dataclasses import replace

from plotly_print.axes import Axis
from plotly_print.scene import KEY, Box, Hand, Scene, Words
from plotly_print.words import ASCENT, DESCENT, Block, TextStyle, printable, runs

Letter = Callable[[int], str]  # what is written at a plot, by its place from 0
Plot = tuple[Axis, Axis]
# Room between a letter and its plot, and between a letter and other words, in sizes of the letters.
_ABOVE, _AROUND = 0.35, 0.25
LARGER = 8 / 7  # Nature asks for letters of 8 pt beside others of 7 pt


def letter_style(hand: Hand, large: bool) -> TextStyle:
    """How the letter of a plot or of a figure looks.

    Args:
        hand: of the figure.
        large: whether it is larger than other words.
    """
    usual = hand.style({})
    return replace(usual, size=usual.size * (LARGER if large else 1.0), bold=True)


def draw_letters(
    plots: list[Plot],
    letter: Letter,
    style: TextStyle,
    beside: Callable[[Plot], list[Words]],
    others: list[Words],
    scene: Scene,
) -> list[Words]:
    """Draw the letter of each plot and return them.

    Letters of plots in a column begin at the left end of all that their axes write. Those of plots
    in a row have one height, that of the first line of a heading, which they precede. None comes
    close to other words.

    Args:
        plots: their axes, in the order of reading.
        letter: what is written at each.
        style: of the letters.
        beside: what the axes of a plot write beside it.
        others: words that no axis writes.
        scene: where they are drawn.
    """
    room = _AROUND * style.size
    blocks = [_block(letter(place), style) for place in range(len(plots))]
    lefts: dict[tuple[float, float], float] = {}  # of columns
    for plot, block in zip(plots, blocks, strict=True):
        box = plot_box(plot)
        starts = [box.left, *(word.box.left for word in beside(plot))]
        for head in _headings(box, others, style.size):
            if head.box.left > box.left - room:
                starts.append(head.box.left - 1.1 * room - block.width)
        column = plot[0].domain
        lefts[column] = min(*starts, lefts.get(column, box.left))
    result: list[Words] = []
    for top in dict.fromkeys(plot[1].domain[1] for plot in plots):
        letters = []
        words = [*others]
        for plot, block in zip(plots, blocks, strict=True):
            if plot[1].domain[1] == top:
                words += beside(plot)
                box = plot_box(plot)
                heads = _headings(box, others, style.size)
                highest = max([_bare(box, style.size), *(head.box.top for head in heads)])
                place = (lefts[plot[0].domain], highest - block.height)
                letters.append(Words(block, *place, "left", "bottom", role="letter"))
        result += _raised(letters, words, room)
    scene.add(KEY, *result)
    return result


def _block(text: str, style: TextStyle) -> Block:
    return Block((tuple(runs(printable(text), style)),), style.size)


def plot_box(plot: Plot) -> Box:
    """The rectangle between the axes of a plot."""
    (left, right), (bottom, top) = (sorted((axis.start, axis.end)) for axis in plot)
    return Box(left, bottom, right, top)


def _bare(box: Box, size: float) -> float:
    """The top of a letter over a plot without a heading."""
    return box.top + (_ABOVE + ASCENT + DESCENT) * size


def _headings(box: Box, words: list[Words], size: float) -> list[Words]:
    """The words right above a plot.

    Args:
        box: of the plot.
        words: those that no axis writes.
        size: of the letter.
    """
    over = Box(box.left, box.top, box.right, _bare(box, size))
    notes = [word for word in words if word.role == "note" and word.box.overlaps(over)]
    return [note for note in notes if note.box.bottom > box.top - size / 2]


def _raised(letters: list[Words], words: list[Words], room: float) -> list[Words]:
    """The letters of a row at one height, at which no word is nearer to them than `room`."""
    bottom = max(letter.y for letter in letters)
    while True:
        letters = [replace(letter, y=bottom) for letter in letters]
        tops = [
            word.box.top
            for word in words
            for letter in letters
            if word.box.overlaps(letter.box.grown(room))
        ]
        higher = max(tops, default=bottom) + room + 0.01
        if not tops or higher <= bottom:
            return letters
        bottom = higher
