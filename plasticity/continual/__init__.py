"""Tasks one after another: splits, runs and what is measured of them."""
