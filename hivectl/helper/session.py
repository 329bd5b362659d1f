"""The controller's side of the helper: starts it through a channel and carries batches to it (being written)."""
# API, for the drivers:
#   sessions = HelperSessions(open_channel, node="m1", python="python3")
#       open_channel: async (Launch) -> Channel, starts launch.argv (local) or launch.command (ssh)
#   sessions.operate(batch, become) -> AsyncIterator[ItemResult]
#   await sessions.progress(run, become); await sessions.unlock(fence, become); await sessions.close()
#   await run_command(open_channel, command, become, node="m1") -> Completed     (for Connection.run)
