"""The data sets that `load` knows by name: those that come with the library, and those read from known files."""
