"""Rendering on several machines: workers, the steps sent to them, the registry of living workers."""
