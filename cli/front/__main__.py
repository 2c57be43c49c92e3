"""``python -m tegmentum``: the command ``tegmentum``."""

from tegmentum.cli.main import main

if __name__ == "__main__":
    main()
