"""Values that steps hand on to each other: as JSON, in files."""
