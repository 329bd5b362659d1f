"""The lab's database: statements and migrations."""
