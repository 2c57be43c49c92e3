"""Pictures of a run store, a kind in each file; ``registry`` lists them."""
