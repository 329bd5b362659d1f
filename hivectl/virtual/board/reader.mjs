// Reads the terminal into the shared ring, and interrupts the interpreter at Ctrl-C, wherever it is.
import net from "node:net";
import { Session } from "node:inspector";
import { workerData } from "node:worker_threads";

const HEAD = 0, TAIL = 1, INTERRUPT = 2, RUNNING = 3, ENDED = 4, QUIET = 5, OFF = 6;
const GO = 7; // Ctrl-G
const numbers = new Int32Array(workerData, 0, 8);
const ring = new Uint8Array(workerData, 32);
const PATIENCE = 30; // milliseconds until a program that asks the system for nothing is stopped from outside

const input = new net.Socket({ fd: 0, readable: true, writable: false });
let busy = false;

// a loop that calls nothing is stopped by the debugger for a moment
function force() {
  if (busy || !Atomics.load(numbers, INTERRUPT) || !Atomics.load(numbers, RUNNING)) return;
  busy = true;
  const session = new Session();
  session.connectToMainThread();
  session.once("Debugger.paused", () => {
    session.post("Runtime.evaluate", { expression: "interruptNow()" }, () => {
      session.post("Debugger.resume", () => {
        session.post("Debugger.disable", () => {
          session.disconnect();
          busy = false;
        });
      });
    });
  });
  session.post("Debugger.enable", () => session.post("Debugger.pause"));
}

function interrupt() {
  Atomics.store(numbers, INTERRUPT, 1);
  Atomics.notify(numbers, INTERRUPT);
  setTimeout(force, PATIENCE);
}

input.on("data", (data) => {
  for (const byte of data) {
    if (Atomics.load(numbers, OFF)) {
      // a board without power hears nothing
      if (byte === GO) {
        Atomics.store(numbers, TAIL, Atomics.load(numbers, HEAD));
        Atomics.store(numbers, OFF, 0);
        Atomics.notify(numbers, OFF);
      }
      continue;
    }
    if (byte === 3 && Atomics.load(numbers, RUNNING) && !Atomics.load(numbers, QUIET)) {
      interrupt();
      continue;
    }
    const head = Atomics.load(numbers, HEAD);
    for (;;) {
      const tail = Atomics.load(numbers, TAIL);
      if (((head - tail) | 0) < ring.length) break;
      Atomics.notify(numbers, HEAD);
      Atomics.wait(numbers, TAIL, tail, 20);
    }
    ring[(head >>> 0) % ring.length] = byte;
    Atomics.store(numbers, HEAD, (head + 1) | 0);
  }
  Atomics.notify(numbers, HEAD);
});
const end = () => {
  Atomics.store(numbers, ENDED, 1);
  Atomics.notify(numbers, HEAD);
  Atomics.notify(numbers, OFF);
  if (Atomics.load(numbers, RUNNING)) process.kill(process.pid, "SIGKILL");
};
input.on("end", end);
input.on("error", end);
