"""The film's picture: footage decoded, segments encoded or copied as they are, and kept for the next time."""
