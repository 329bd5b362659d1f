"""What people and programs read of a run: every reporter reads the same events."""
