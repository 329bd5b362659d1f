"""The helper's twin for nodes without Python: a POSIX sh program, what is sent to it, and what its answers mean."""
