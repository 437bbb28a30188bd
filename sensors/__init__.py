"""Dagster's sensors: they decide when something is made, by thin code over pure decision functions.

Owns: the sensors, and plain functions from what the catalog knows to what should run. A sensor makes its `Installation`
itself: taking it as a resource would build a Dagster instance at every tick, which costs more than the rest of the
tick. Not here: what is made (`stinercut_assets`), what is known (`stinercut.catalog`).
"""
