"""`python -m qfusion` is the command line."""

from qfusion.cli import main

if __name__ == "__main__":
    main()
