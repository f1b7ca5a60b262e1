"""The commands of the command line, one file per group; `qfusion.cli` collects them. All numbers come from the library."""
