"""Films: files to fetch, cuts, and rendering again after a template changed."""
