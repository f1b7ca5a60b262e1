"""Texts about data sets."""

from qfusion.data.sources import Origin

ORIGINS = {
    Origin.INCLUDED: "included",
    Origin.PUBLIC: "public data set",
    Origin.UNPUBLISHED: "no public copy",
    Origin.IMPORTED: "imported",
}
