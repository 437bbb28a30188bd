"""The two dynamic partition sets of Dagster: one key per card, one key per jump.

Owns: their definitions. Not here: adding keys while the system runs (`sensors`).
"""

import dagster as dg

cards = dg.DynamicPartitionsDefinition(name="cards")
"""Keys are card ids: letters, digits, `-` and `_`."""

jumps = dg.DynamicPartitionsDefinition(name="jumps")
"""Keys are jump keys: `<jump_date>_<booking_id>`, without personal names."""
