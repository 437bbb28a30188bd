"""Cards: the detectors' socket, progress of copies, the queue of imports, views."""
