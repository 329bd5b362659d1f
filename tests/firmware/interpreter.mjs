// Starts boards with real MicroPython, each start in an interpreter of its own. Argument: the package's module. Each
// line that comes in is {files, boots: [{before, after}]}, each that goes out {answers, files}, or {error}.
import { createInterface } from "node:readline";

// compiled once: most of a start is that
const instantiate = WebAssembly.instantiate;
let compiled;
WebAssembly.instantiate = async (binary, imports) => {
  compiled ??= await WebAssembly.compile(binary);
  return { module: compiled, instance: await instantiate(compiled, imports) };
};

const { loadMicroPython } = await import(process.argv[2]);

const START = `
import sys
sys.path.append("/stubs")
import world
`;
// as the firmware does: main.py is left out if boot.py raises, and Ctrl-C is no more than that
const RUN = `
import json as _json
world.take_over()
_ended = None
_refused = None
try:
    try:
        exec(open("/boot.py").read(), {"__name__": "__main__"})
    except Exception as _error:
        _refused = type(_error).__name__ + ": " + str(_error)
    if _refused is None and "main.py" in __import__("os").listdir("/"):
        exec(open("/main.py").read(), {"__name__": "__main__", "world": world})
    exec(_after, globals())
except world.Reset as _reset:
    _ended = str(_reset)
_answer = _json.dumps({"refused": _refused, "ended": _ended, "log": world.log, "result": globals().get("result")})
`;

function collect(fs, folder, found) {
  for (const name of fs.readdir(folder)) {
    const path = `${folder}/${name}`.replace("//", "/");
    if (name === "." || name === ".." || /^\/(dev|proc|tmp|home|stubs)$/.test(path)) continue;
    if (fs.isDir(fs.stat(path).mode)) collect(fs, path, found);
    else found[path] = fs.readFile(path, { encoding: "utf8" });
  }
  return found;
}

async function carryOut({ files, boots }) {
  let present = files;
  const answers = [];
  for (const { before, after } of boots) {
    const printed = [];
    const board = await loadMicroPython({ heapsize: 192 * 1024, linebuffer: true, stdout: (line) => printed.push(line) });
    for (const [path, text] of Object.entries(present)) {
      const parts = path.split("/").slice(1, -1);
      parts.reduce((above, part) => {
        const folder = `${above}/${part}`;
        if (!board.FS.analyzePath(folder).exists) board.FS.mkdir(folder);
        return folder;
      }, "");
      board.FS.writeFile(path, text);
    }
    board.globals.set("_after", after);
    board.runPython(START + before + RUN);
    const stubs = Object.fromEntries(Object.entries(present).filter(([path]) => path.startsWith("/stubs/")));
    present = { ...stubs, ...collect(board.FS, "/", {}) };
    answers.push({ ...JSON.parse(board.globals.get("_answer")), printed });
  }
  return { answers, files: present };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await carryOut(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
