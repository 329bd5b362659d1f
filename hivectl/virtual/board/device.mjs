// A MicroPython board: the interpreter of the npm package on this thread, its terminal on standard input and
// output, its files in a folder. Arguments: the package's micropython.mjs, the folder, the board's name,
// the room of its file system in bytes (0: no limit), a descriptor that gets a byte for what happens to it (B booted,
// R boot.py is through, S soft reset, H hard reset: it waits for Ctrl-G, W its WebREPL was started: with the
// password's length and the password; of none it was stopped),
// what os.uname() says of version and machine, why it starts, as machine.reset_cause() tells it.
// For a board with more hardware, besides: a module with its Python modules, the pace of its measurements, and two
// descriptors of whoever stands for it: what is written to /dev/ice40 goes out by the first, and comes in by the second.
// Exit status 42: machine.reset() where nothing could begin anew; 43: machine.bootloader().
import fs from "node:fs";
import { Worker } from "node:worker_threads";
import zlib from "node:zlib";
import { pathToFileURL } from "node:url";
import { FileSystem } from "./files.mjs";
import { MODULES } from "./modules.mjs";

const [script, root, name, room, events, version, machine, started, modules, pace, asking, answering] = process.argv.slice(2);
const HARD_RESET = 2, SOFT_RESET = 5; // causes of a start
const RESET_STATUS = 42;
const LOADER_STATUS = 43;
const RING = 1 << 16;
const WINDOW = 128; // of raw paste, as on rp2
// places in the shared numbers
const HEAD = 0, TAIL = 1, INTERRUPT = 2, RUNNING = 3, ENDED = 4, QUIET = 5, OFF = 6; // QUIET: Ctrl-C is a byte like any other
const shared = new SharedArrayBuffer(32 + RING);
const numbers = new Int32Array(shared, 0, 8);
const ring = new Uint8Array(shared, 32, RING);

// ---- terminal
let pending = [];
let pendingSize = 0;
let lastFlush = 0;

function writeAll(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(descriptor, bytes, at);
    } catch (error) {
      if (error.code === "EPIPE") process.exit(0);
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(numbers, 7, 0, 1);
    }
  }
}

function flush() {
  if (pendingSize) {
    writeAll(1, Buffer.concat(pending));
    pending = [];
    pendingSize = 0;
  }
  lastFlush = Date.now();
}

let capture = null;
let promptly = 0; // bytes that go out at once
const NEWLINE = Buffer.from("\r\n");

function output(bytes) {
  // the end of a line as a board's terminal has it
  if (bytes.length === 1 && bytes[0] === 10) bytes = NEWLINE;
  if (capture && !(bytes = capture(bytes)).length) return;
  pending.push(bytes);
  pendingSize += bytes.length;
  if ((promptly > 0 && (promptly -= bytes.length) <= 0) || pendingSize >= 1024 || bytes.includes(10) || Date.now() - lastFlush > 10) flush();
}

const say = (text) => output(Buffer.from(text, "latin1"));

function look() {
  if (Atomics.load(numbers, INTERRUPT)) {
    Atomics.store(numbers, INTERRUPT, 0);
    native.mp_sched_keyboard_interrupt();
    return true;
  }
  return false;
}

function readByte() {
  for (;;) {
    const head = Atomics.load(numbers, HEAD);
    const tail = Atomics.load(numbers, TAIL);
    if (head !== tail) {
      const byte = ring[(tail >>> 0) % RING];
      Atomics.store(numbers, TAIL, (tail + 1) | 0);
      if (((head - tail) | 0) > RING / 2) Atomics.notify(numbers, TAIL);
      return byte;
    }
    if (Atomics.load(numbers, ENDED)) process.exit(0);
    flush();
    if (ringTimers()) continue;
    Atomics.wait(numbers, HEAD, head, Math.max(1, Math.min(1000, alarm - Date.now())));
  }
}

// ---- timers: between bytes, and while a program sleeps
let alarm = Infinity;
let ticking = false;

function ringTimers() {
  if (ticking || !python || Date.now() < alarm) return false;
  ticking = true;
  alarm = Infinity;
  try {
    python.runPython("__import__('sys').modules['machine']._tick()");
  } catch (error) {
    if (hard) {
      flush();
      process.exit(RESET_STATUS);
    }
    // Ctrl-C was for the program
    if (error.name !== "PythonError") throw error;
    Atomics.store(numbers, INTERRUPT, Atomics.load(numbers, RUNNING));
  } finally {
    ticking = false;
  }
  return true;
}

// what a program reads from sys.stdin
function readInput(limit) {
  const first = readByte();
  const tail = Atomics.load(numbers, TAIL);
  const size = Math.min(limit - 1, (Atomics.load(numbers, HEAD) - tail) | 0);
  const bytes = Buffer.allocUnsafe(1 + size);
  bytes[0] = first;
  const at = (tail >>> 0) % RING;
  const straight = Math.min(size, RING - at);
  bytes.set(ring.subarray(at, at + straight), 1);
  bytes.set(ring.subarray(0, size - straight), 1 + straight);
  Atomics.store(numbers, TAIL, (tail + size) | 0);
  if (size) Atomics.notify(numbers, TAIL);
  return bytes;
}

// whether something comes within some milliseconds (for ever: less than 0)
function ready(milliseconds) {
  const end = milliseconds < 0 ? Infinity : Date.now() + milliseconds;
  for (;;) {
    const head = Atomics.load(numbers, HEAD);
    if (head !== Atomics.load(numbers, TAIL)) return true;
    if (Atomics.load(numbers, ENDED)) process.exit(0);
    flush();
    ringTimers();
    const left = end - Date.now();
    if (left <= 0) return false;
    Atomics.wait(numbers, HEAD, head, Math.max(1, Math.min(1000, left, alarm - Date.now())));
  }
}

// ---- interpreter
let native = null;
let python = null;
let files = null;
let hard = false;
let cause = Number(started);
let loader = false;
let quick = 0;
let lastTick = 0;

// C's sleep asks for the time over and over: rest between, end it when interrupted
function now(far) {
  if (look()) return far;
  let time = Date.now();
  if (time === lastTick) {
    if (++quick > 20) {
      if (pendingSize) flush();
      ringTimers();
      Atomics.wait(numbers, INTERRUPT, 0, 1);
      if (look()) return far;
      time = Date.now();
    }
  } else {
    lastTick = time;
    quick = 0;
  }
  return null;
}

const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (binary, imports) => {
  const env = { ...imports.env };
  const wasi = { ...imports.wasi_snapshot_preview1 };
  const system = files.imports({ output, readInput, look });
  Object.assign(env, system.env);
  Object.assign(wasi, system.wasi);
  const ticks = env.mp_js_ticks_ms;
  env.mp_js_ticks_ms = () => (now() === null ? ticks() : ticks() + 0x3fffffff);
  const all = { ...imports, env, wasi_snapshot_preview1: wasi };
  const made = await instantiate(binary, all);
  native = (made.instance ?? made).exports;
  files.memory = native.memory;
  return made;
};

globalThis.interruptNow = look;

await import(pathToFileURL(script).href);

async function start() {
  files = new FileSystem(root, Number(room), modules ? "/dev/ice40" : null, {
    write: (bytes) => writeAll(Number(asking), bytes),
    read: (bytes) => fs.readSync(Number(answering), bytes),
  });
  Atomics.store(numbers, QUIET, 0);
  capture = () => Buffer.alloc(0);
  alarm = Infinity;
  python = await globalThis.loadMicroPython({ heapsize: 2 << 20, linebuffer: false });
  python.registerJsModule("_board", {
    name,
    version,
    machine,
    reset: () => { hard = true; },
    cause,
    alarm: (milliseconds) => { alarm = Date.now() + milliseconds; },
    webrepl: (password) => {
      const bytes = Buffer.from(password);
      fs.writeSync(Number(events), Buffer.concat([Buffer.from("W"), Buffer.from([bytes.length]), bytes]));
    },
    bootloader: () => { hard = loader = true; },
    modules: MODULES,
    hardware: modules ? (await import(pathToFileURL(modules).href)).MODULES : "",
    pace,
    ready,
    // node has it since 20.15
    crc32: zlib.crc32 ? (at, size, value) => zlib.crc32(new Uint8Array(native.memory.buffer, at, size), value >>> 0) : null,
    keyboard: (on) => { Atomics.store(numbers, QUIET, on ? 0 : 1); },
  });
  python.runPython("import _board\nexec(_board.modules)\n_setup(_board)\ndel _setup, _board");
  if (modules) python.runPython("import _board\nexec(_board.hardware)\n_setup(_board)\ndel _setup, _board");
  capture = null;
}

function running(act) {
  Atomics.store(numbers, INTERRUPT, 0);
  Atomics.store(numbers, RUNNING, 1);
  // the terminal's reader looks the other way round, so that one of us sees it
  if (Atomics.load(numbers, ENDED)) process.exit(0);
  try {
    return act();
  } finally {
    Atomics.store(numbers, RUNNING, 0);
    Atomics.store(numbers, INTERRUPT, 0);
    if (loader) {
      flush();
      process.exit(LOADER_STATUS);
    }
    if (hard && modules) {
      // whoever stands for its hardware begins anew, too
      flush();
      process.exit(RESET_STATUS);
    }
    // what the end of this program still says, nobody hears
    if (hard) capture = () => Buffer.alloc(0);
  }
}

function runFile(file) {
  if (!fs.existsSync(`${root}/${file}`)) return false;
  let again = false;
  running(() => {
    try {
      python.runPython(`import sys\nsys.modules["machine"]._run("${file}", globals())\ndel sys`);
      again = Boolean(python.runPython("__import__('sys').modules['machine']._ended"));
    } catch (error) {
      // a second Ctrl-C, in what shows the first
      if (error.name !== "PythonError") throw error;
      say(`${error.message.trimEnd().replaceAll("\n", "\r\n")}\r\n`);
    }
  });
  return again;
}

const ccall = (byte) => native.mp_js_repl_process_char(byte);

// text the interpreter itself prints when the REPL begins or changes its mode
function process_(byte) {
  if (byte === 4 || byte === 13) return running(() => ccall(byte));
  return ccall(byte);
}

let raw = false;
let lineEmpty = true;

function begin() {
  lineEmpty = true;
  if (raw) capture = () => Buffer.alloc(0);
  native.mp_js_repl_init();
  if (raw) {
    ccall(1);
    capture = null;
    say("raw REPL; CTRL-B to exit\r\n>");
  }
}

async function boot(friendly) {
  await start();
  fs.writeSync(Number(events), "B");
  const again = runFile("boot.py");
  fs.writeSync(Number(events), "R");
  if (again || hard || (friendly && runFile("main.py")) || hard) {
    // SystemExit in a file of the board's is a soft reset
    return softReset();
  }
  begin();
}

// a new interpreter in this process: a process of its own takes ten times as long
async function hardReset() {
  hard = raw = false;
  flush();
  Atomics.store(numbers, OFF, 1);
  fs.writeSync(Number(events), "H");
  while (Atomics.load(numbers, OFF)) {
    if (Atomics.load(numbers, ENDED)) process.exit(0);
    Atomics.wait(numbers, OFF, 1, 1000);
  }
  cause = HARD_RESET;
  await boot(true);
}

async function softReset() {
  if (hard) return hardReset();
  // first: whoever reads that it reboots may come again at once
  fs.writeSync(Number(events), "S");
  say("MPY: soft reboot\r\n");
  flush();
  cause = SOFT_RESET;
  await boot(!raw);
}

// ---- raw paste: the interpreter's own cannot work in this port, since it would read the terminal by itself
function rawPaste() {
  say("R\x01");
  output(Buffer.from([WINDOW, 0]));
  flush();
  const code = [];
  for (let taken = 1; ; taken++) {
    const byte = readByte();
    if (byte === 3) {
      say("\x04");
      // as the interpreter does when text is broken off
      say("\x04\x04>");
      return 0;
    }
    if (byte === 4) break;
    code.push(byte);
    if (taken % WINDOW === 0) {
      // more room, told at once
      writeAll(1, Buffer.from([1]));
    }
  }
  say("\x04");
  flush();
  if (!code.length) code.push(32); // an empty line would be a soft reset
  for (const byte of code) ccall(byte);
  let left = 2;
  capture = (bytes) => {
    const cut = Math.min(left, bytes.length);
    left -= cut;
    if (!left) capture = null;
    return bytes.subarray(cut); // without "OK"
  };
  try {
    return process_(4);
  } finally {
    capture = null;
  }
}

async function serve() {
  let paste = 0;
  for (;;) {
    const byte = readByte();
    if (raw && lineEmpty) {
      // Ctrl-E A Ctrl-A
      if (paste === 0 && byte === 5) { paste = 1; continue; }
      if (paste === 1 && byte === 65) { paste = 2; continue; }
      if (paste === 2 && byte === 1) {
        paste = 0;
        if (rawPaste() & 0x100 || hard) await softReset();
        continue;
      }
      paste = 0;
    }
    let ended;
    if (byte === 4 && raw) {
      promptly = lineEmpty ? 0 : 2; // OK goes out before the program runs
      ended = process_(byte);
      promptly = 0;
      lineEmpty = true;
    } else {
      ended = process_(byte);
      if (byte === 1) raw = true;
      else if (byte === 2) raw = false;
      lineEmpty = byte < 4 || (lineEmpty && byte === 13);
    }
    if (ended & 0x100 || hard) await softReset();
  }
}

new Worker(new URL("./reader.mjs", import.meta.url), { workerData: shared, stdin: false });
await boot(true);
await serve();
