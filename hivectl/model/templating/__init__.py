"""The parts of the template engine: limits, taint of secrets, sandbox, compiler, what a text needs."""
