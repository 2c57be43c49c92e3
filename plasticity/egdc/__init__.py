"""Expectation-gated decorrelating columns."""
