"""The front door: the `stinercut` command, the supervisor behind `stinercut up`, and Dagster's definitions.

Owns: what a person types, and which processes then run. Not here: any step of the way from card to film (`hub`,
`stinercut_assets`, `sensors`, `detector`).
"""
