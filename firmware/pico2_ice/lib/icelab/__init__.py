"""Measures circuits on a pico2-ice: bitstreams come in as frames, pulses and samples go out."""


def run():
    """Serve frames on USB until somebody wants the REPL (Ctrl-C between two frames)."""
    from icelab.console import Console
    from icelab.pico2_ice import Parts
    from icelab.service import Service

    parts = Parts()
    with Console() as console:
        try:
            Service(console, parts).serve()
        finally:
            parts.leave()
