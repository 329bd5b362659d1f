"""Inventories of other projects, read and written anew as ours: one file for each format."""
