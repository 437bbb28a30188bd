"""Access: who asks, what each route needs, and refusing everybody else."""
