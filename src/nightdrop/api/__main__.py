"""``python -m nightdrop.api``: start the web process."""

from nightdrop.api.server import main

if __name__ == "__main__":
    main()
