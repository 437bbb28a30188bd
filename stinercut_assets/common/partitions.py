"""The two sets of partitions: one per card, one per jump. Both grow while the system runs (`sensors` adds keys)."""

import dagster as dg

cards = dg.DynamicPartitionsDefinition(name="cards")
"""Keys are card ids: letters, digits, `-` and `_`."""

jumps = dg.DynamicPartitionsDefinition(name="jumps")
"""Keys are jump keys: `<jump_date>_<booking_id>`, without personal names."""
