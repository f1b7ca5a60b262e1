"""Plugins of qfusion, a folder each; see `qfusion.plugin`. Each can be deleted."""
