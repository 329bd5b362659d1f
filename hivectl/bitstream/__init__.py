"""FPGA bitstreams: their formats and checks, and what is measured of them on boards."""
