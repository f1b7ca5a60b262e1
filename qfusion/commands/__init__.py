"""The commands of the command line, a file for each group; `qfusion.cli` puts them together. No numbers of their own:
what they print is of the library."""
