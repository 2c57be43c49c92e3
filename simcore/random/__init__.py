"""Counter-based random numbers and the tables that turn them into draws."""
