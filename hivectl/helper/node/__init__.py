"""What runs on a Linux node: stdlib only, Python 3.7+, each file loaded there when an operation first needs it."""
