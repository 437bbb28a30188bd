"""The front door: the `stinercut` command, the supervisor behind `stinercut up`, and Dagster's definitions.

Owns: what a person types and what then runs. Not here: any step of the way from card to film; those live below.
"""
