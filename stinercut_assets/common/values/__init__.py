"""The values that steps hand to each other, as JSON files."""
