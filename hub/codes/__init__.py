"""Passengers' codes: drawn for the page, which shows and prints them."""
