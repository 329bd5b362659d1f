"""What a task can do, one file each."""
