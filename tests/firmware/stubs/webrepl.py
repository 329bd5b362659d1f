"""`webrepl`: as talkative as the real one."""

import world


def start(port=8266, password=None, accept_handler=None):
    if world.webrepl_fails:
        world.webrepl_fails -= 1
        raise OSError(98)
    if len(password) > 9:
        raise ValueError
    world.note("webrepl", port, password)
    world.accept = accept_handler
    print("WebREPL server started on http://10.0.0.77:" + str(port) + "/")


def accept_conn(listening):
    client, address = listening.accept()
    first = client.readline()
    print("WebREPL connection from:", address)
    return first.startswith(b"GET")
