"""Delivery: how a film gets into its passenger's hand."""
