"""``python -m nightdrop.worker``: start the worker."""

from nightdrop.worker.worker import main

if __name__ == "__main__":
    main()
