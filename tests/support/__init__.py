"""What several tests share. Owns: making inputs and bringing them in. Not here: assertions."""
