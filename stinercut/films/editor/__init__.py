"""Films handed to editing programs: timelines in OpenTimelineIO, written and read back."""
