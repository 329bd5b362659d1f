"""Operations for nodes without Python by the Python helper's own code: it runs here, and its system calls run there.

A node that cannot run `hivectl.helper.node` can still look at a path, start a program, write a file. So the modules
that a Python node would be sent are loaded here, into a `World` whose `os`, `open`, `pwd` and so on ask the node,
each question a frame inside the item's place in the batch: under its fence, its check mode, its deadline, its stop.
Nothing of this machine can be reached from there.
"""
