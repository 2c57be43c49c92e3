"""From templates and models' functions to compiled modules, kept on disk."""
