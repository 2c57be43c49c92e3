"""Expectation, neuromodulators and the receptors that read them."""
