"""Runs: what the pipeline does, tries again, and has switched off; the door to Dagster's pages."""
