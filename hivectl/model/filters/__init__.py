"""The filters, tests and functions of templates, as Ansible's users know them, one file for each idea."""
