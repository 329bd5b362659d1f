"""Flashing: firmware and bitstreams put on boards, one way each."""

# files that are no flashers
MACHINERY = frozenset({"base", "images", "places", "programs", "registry", "usb", "volumes"})
