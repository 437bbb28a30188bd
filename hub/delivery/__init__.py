"""Delivery: passengers' links and their pages, letters, hand-outs."""
