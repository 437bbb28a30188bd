"""Review: decisions of people over HTTP, stills to look at, lists of bookings."""
