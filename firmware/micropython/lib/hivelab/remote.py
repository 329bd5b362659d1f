"""The WebREPL: started once the radio is on, started again after the Wi-Fi was away.

Starting it again frees its one slot from a client that went with the Wi-Fi and never said so.
"""

# the buffer that MicroPython compares with holds ten bytes, with the zero at the end
LONGEST_PASSWORD = 9
# seconds
HANDSHAKE = 3
AGAIN = 30


class Remote:
    """The WebREPL's server.

    Attributes:
        state: off, listening, no-password, password-too-long, missing or failed.
        error: what was raised, where it failed.
    """

    def __init__(self, port, password):
        self.port = port
        self.error = None
        self.state = "off"
        self._password = password
        self._next = 0
        if not password:
            self.state = "no-password"
        elif len(password.encode()) > LONGEST_PASSWORD:
            self.state = "password-too-long"

    def tick(self, now, *, anew):
        """Start it if it is due; with `anew` also where it is listening."""
        if self.state in ("no-password", "password-too-long", "missing"):
            return
        if self.state == "listening" and not anew:
            return
        if self.state == "failed" and now < self._next:
            return
        try:
            import webrepl
        except ImportError:
            self.state = "missing"
            return
        # what it says would fall into a conversation over USB
        webrepl.print = _silent
        try:
            webrepl.start(self.port, self._password, accept_handler=_accept)
        except Exception as error:
            self.state = "failed"
            self.error = repr(error)
            self._next = now + AGAIN
            return
        self.state = "listening"
        self.error = None


class _Patient:
    """A listening socket whose clients have to say something soon: the whole board waits for their first lines."""

    def __init__(self, listening):
        self._listening = listening
        self.client = None

    def accept(self):
        self.client, address = self._listening.accept()
        self.client.settimeout(HANDSHAKE)
        return self.client, address


def _accept(listening):
    import webrepl

    patient = _Patient(listening)
    try:
        return webrepl.accept_conn(patient)
    except Exception:
        # a client that is silent, gone, or speaks something else
        if patient.client is not None:
            patient.client.close()
        return False


def _silent(*_arguments, **_keywords):
    pass
