"""The command ``tegmentum sweep``."""
