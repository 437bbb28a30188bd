"""Checks of a finished film: measured, decoded, and repaired where a part can be made again."""
