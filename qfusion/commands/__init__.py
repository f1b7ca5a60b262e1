"""The commands of the command line, one file per group, collected by `qfusion.cli`. Numbers come from the library."""
