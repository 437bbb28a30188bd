"""Films: their files, cuts, and rendering them again after a template changed."""
