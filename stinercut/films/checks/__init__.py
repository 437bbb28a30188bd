"""Whether a film is what was asked for: measured, decoded, and repaired where a part can be made again."""
