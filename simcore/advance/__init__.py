"""Whatever moves time on."""
