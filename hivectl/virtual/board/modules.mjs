// What a board has and the interpreter of the npm package lacks; Python that runs before boot.py.
export const MODULES = `
def _setup(board):
    import sys

    class Machine:
        _ended = False
        PWRON_RESET = 1
        WDT_RESET = 3

        def reset(self):
            board.reset()
            raise SystemExit

        def bootloader(self, *_):
            board.bootloader()
            raise SystemExit

        def soft_reset(self):
            raise SystemExit

        def unique_id(self):
            return bytes((str(board.name) + "virtual!")[:8], "ascii")

        def reset_cause(self):
            return 1

        def freq(self, *_):
            return 125_000_000

        def idle(self):
            pass

        def _run(self, name, scope):
            self._ended = False
            try:
                with open(name) as file:
                    text = file.read()
                exec(compile(text, name, "exec"), scope)
            except SystemExit:
                self._ended = True
            except BaseException as error:
                sys.print_exception(error)

    import os
    from collections import namedtuple

    Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
    # as on a board: "v1.27.0 on 2025-12-10" is followed by what compiled it
    version, machine = str(board.version), str(board.machine)
    release = version.split(" ")[0][1:]

    class Os:
        def __getattr__(self, name):
            return getattr(os, name)

        def uname(self):
            return Uname("rp2", "rp2", release, version + " (virtual)", machine)

    sys.modules["machine"] = Machine()
    sys.modules["os"] = Os()
`;
