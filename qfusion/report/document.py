"""A report as one HTML file or one PDF.

Neither needs a network. Both have the same bytes each time, on a machine with the same fonts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qfusion import citations
from qfusion.report import report_pdf
from qfusion.report.blocks import Block
from qfusion.report.equations import draw_equation
from qfusion.report.plain_text import MAX_TITLE, clean
from qfusion.report.templates import environment


@dataclass(frozen=True, eq=False)
class Report:
    """A report on a sample or a paper.

    Attributes:
        title: its heading.
        subtitle: the line below the title.
        description: a sentence for search and screen readers.
        blocks: its content without the references, which follow from the citations.
        compact: whether the PDF has small margins and letters, for a report of one page.
    """

    title: str
    subtitle: str
    description: str
    blocks: list[Block]
    compact: bool = False

    def render(self, suffix: str) -> bytes:
        """Return the report as a file with the suffix ".html" or ".pdf"."""
        return self.pdf() if suffix == ".pdf" else self.html()

    def html(self) -> bytes:
        """Return the report as one self-contained HTML file, UTF-8, without scripts. Figures and equations are
        drawings inside it. All texts are escaped; nothing in them is markup.
        """
        page = environment().get_template("page.html")
        return page.render(self.data(), draw_equation=draw_equation).encode()

    def pdf(self) -> bytes:
        """Return the report as a PDF. Letters that no font of this machine has are printed as empty boxes.

        Raises:
            QFusionError: when typst rejects the document, which is a defect of this library.
        """
        return report_pdf.typeset(self.data())

    def source_keys(self) -> list[str]:
        """Return the keys of the cited sources, in the order of their first mention."""
        keys: dict[str, None] = {}
        for part in self._parts():
            keys.update(dict.fromkeys(part.get("sources", ())))
        return list(keys)

    def _parts(self) -> Iterator[Block]:
        """Yield the parts of all paragraphs and bullet points."""
        for block in self.blocks:
            yield from block.get("parts", ())
            for point in block.get("points", ()):
                yield from point

    def data(self) -> dict[str, Any]:
        """Return the report as JSON data for the templates of the HTML file and of the PDF."""
        keys = self.source_keys()
        return {
            "title": clean(self.title, MAX_TITLE),
            "subtitle": clean(self.subtitle, MAX_TITLE),
            "description": clean(self.description, MAX_TITLE),
            "blocks": self.blocks,
            "compact": self.compact,
            "places": {key: place for place, key in enumerate(keys, 1)},
            "bibtex": citations.bibtex(keys),
            "references": [
                {"text": citations.text(key), "url": citations.url(key)} for key in keys
            ],
        }
