"""Panels of a subject that several pages may show, beside those of a page."""
