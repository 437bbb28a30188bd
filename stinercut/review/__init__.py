"""What people decide: names for unassigned files, clips left out, wishes; and the lists of bookings they import.

Owns: decisions and their history. Not here: the pages (`hub.review`), the jumps themselves (`stinercut.jumps`).
"""
