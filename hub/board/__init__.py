"""The board: the live feed for its page."""
