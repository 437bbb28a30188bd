"""What several tests share. Lives here: making inputs and bringing them in. Doesn't: assertions."""
