"""Kernel templates of the tick loop."""
