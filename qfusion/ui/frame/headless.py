"""Figures of the pages from recipes and links: they stand in `qfusion.panels.core.headless`, and are found here as well."""

from qfusion.panels.core.headless import BY_NAME, Taken, cook, draw, of_link, panels, remarks, save, take, take_all  # noqa: F401
