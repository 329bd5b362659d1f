"""What the files mean: YAML with origins, inventory, playbook, selectors, variables, templates, schema."""
