"""`stinercut demo`: cards made by code, films out."""
