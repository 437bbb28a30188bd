"""What Dagster does now and then: old runs, values and segments are removed."""
