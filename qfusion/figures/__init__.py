"""Figures: arrays in, plotly figure out; a file a topic, and nothing that computes an explanation or knows a page.

Every function that draws names its template and colours itself (importing streamlit replaces plotly's defaults by
placeholders) and escapes what comes from data. `colours.apply_theme` makes of a figure the same in the dark theme;
`files` writes files, with a recipe inside, which leaves series out and sets ranges."""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
