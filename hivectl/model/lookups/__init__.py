"""Lookups, as Ansible's users know them: what templates and `with_…` loops find on the controller."""
