"""The commands of the command line, a file for each group; `qfusion.cli` puts them together."""
