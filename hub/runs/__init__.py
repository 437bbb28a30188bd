"""Runs: the pipeline's progress, retries, switched-off sensors; the door to Dagster's pages."""
