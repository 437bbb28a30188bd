"""Codes: made and printed by the page."""
