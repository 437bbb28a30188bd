"""Where cards come from: folders, Linux volumes, Windows volumes."""
