"""Sweeps: many runs of one description, on any executor, each in a store of its own, with one labelled index."""
