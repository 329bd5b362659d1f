"""Virtual devices: real servers and interpreters that stand in for hardware."""
