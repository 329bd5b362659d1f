"""What becomes of the files: graph, plan, scheduler, run, journal, events."""
