"""``python -m nightdrop``: the command line."""

from nightdrop.cli import main

if __name__ == "__main__":
    main()
