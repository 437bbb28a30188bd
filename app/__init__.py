"""The front door: the `stinercut` command, the supervisor behind `stinercut up`, and Dagster's definitions.

Lives here: what a person types and what then runs. Doesn't: any step of the way from card to film; those live below.
"""
