"""The command line, ``tegmentum``."""
