// The board's files: the interpreter's system calls on a folder of the host, with Linux's error numbers.
// Layouts are those of emscripten's libc (musl, 32 bit): struct stat, dirent, statfs.
import fs from "node:fs";
import path from "node:path";
import os from "node:os";

const { ENOENT, EBADF, EINVAL, ENOSPC, ERANGE } = os.constants.errno;
const BLOCK = 4096;
const DIRENT = 280;
const NAME_LIMIT = 255;

export class FileSystem {
  // device: the path of a file that is none, and what stands for it: `write(bytes)`, `read(bytes)`
  constructor(root, room, device = null, wire = null) {
    this.device = device;
    this.wire = wire;
    this.root = root;
    this.room = room;
    this.folder = "/";
    this.opened = new Map();
    this.memory = null;
    this.used = room ? sizeOf(root) : 0;
  }

  text(pointer) {
    const bytes = new Uint8Array(this.memory.buffer);
    return Buffer.from(bytes.subarray(pointer, bytes.indexOf(0, pointer))).toString();
  }

  // never leaves the root: dots are resolved before the host sees a path
  inside(guest) {
    return path.posix.resolve("/", this.folder, guest);
  }

  host(guest) {
    return this.root + this.inside(guest);
  }

  entry(descriptor) {
    const found = this.opened.get(descriptor);
    if (!found) throw { errno: -EBADF };
    return found;
  }

  take(bytes) {
    if (this.room && bytes > 0 && this.used + bytes > this.room) {
      this.used = sizeOf(this.root);
      if (this.used + bytes > this.room) throw { errno: -ENOSPC };
    }
    this.used += bytes;
  }

  writeStat(pointer, found) {
    const view = new DataView(this.memory.buffer);
    view.setUint32(pointer, 1, true);
    view.setUint32(pointer + 4, found.mode, true);
    view.setUint32(pointer + 8, found.nlink, true);
    for (const at of [12, 16, 20]) view.setUint32(pointer + at, 0, true);
    view.setBigInt64(pointer + 24, BigInt(found.isDirectory() ? 0 : found.size), true);
    view.setInt32(pointer + 32, BLOCK, true);
    view.setInt32(pointer + 36, Math.ceil(found.size / 512), true);
    for (const [at, time] of [[40, found.atimeMs], [56, found.mtimeMs], [72, found.ctimeMs]]) {
      view.setBigInt64(pointer + at, BigInt(Math.floor(time / 1000)), true);
      view.setUint32(pointer + at + 8, 0, true);
    }
    view.setBigInt64(pointer + 88, BigInt(found.ino), true);
    return 0;
  }

  // writes or reads the buffers of an iovec
  vectors(pointer, count, act) {
    let total = 0;
    for (let index = 0; index < count; index++) {
      const view = new DataView(this.memory.buffer);
      const at = view.getUint32(pointer + 8 * index, true);
      const size = view.getUint32(pointer + 8 * index + 4, true);
      if (!size) continue;
      const done = act(new Uint8Array(this.memory.buffer, at, size));
      total += done;
      if (done < size) break;
    }
    return total;
  }

  imports({ output, readInput, look }) {
    const guard = (sign, act) => (...given) => {
      look();
      try {
        return act(...given) ?? 0;
      } catch (error) {
        if (typeof error?.errno !== "number") throw error;
        return sign * Math.abs(error.errno);
      }
    };
    const call = (act) => guard(-1, act);
    const wasi = (act) => guard(1, act);
    const set32 = (pointer, value) => new DataView(this.memory.buffer).setUint32(pointer, value, true);
    const status = (guest, pointer) => this.writeStat(pointer, fs.statSync(this.host(this.text(guest))));
    return {
      env: {
        __syscall_chdir: call((guest) => {
          const wanted = this.inside(this.text(guest));
          if (!fs.statSync(this.root + wanted).isDirectory()) throw { errno: -ENOENT };
          this.folder = wanted;
        }),
        __syscall_getcwd: call((pointer, size) => {
          const bytes = Buffer.from(`${this.folder}\0`);
          if (bytes.length > size) throw { errno: -ERANGE };
          new Uint8Array(this.memory.buffer).set(bytes, pointer);
          return bytes.length;
        }),
        __syscall_mkdirat: call((_, guest) => {
          fs.mkdirSync(this.host(this.text(guest)));
          this.take(0);
        }),
        __syscall_openat: call((_, guest, flags) => this.open(this.text(guest), flags)),
        __syscall_getdents64: call((descriptor, pointer, size) => this.list(this.entry(descriptor), pointer, size)),
        __syscall_renameat: call((_, from, __, to) => {
          fs.renameSync(this.host(this.text(from)), this.host(this.text(to)));
        }),
        __syscall_rmdir: call((guest) => fs.rmdirSync(this.host(this.text(guest)))),
        __syscall_unlinkat: call((_, guest, flags) => {
          const file = this.host(this.text(guest));
          if (flags) fs.rmdirSync(file);
          else {
            const size = this.room ? fs.statSync(file).size : 0;
            fs.unlinkSync(file);
            this.take(-size);
          }
        }),
        __syscall_stat64: call(status),
        __syscall_lstat64: call(status),
        __syscall_newfstatat: call((_, guest, pointer) => status(guest, pointer)),
        __syscall_fstat64: call((descriptor, pointer) => {
          if (descriptor < 3) throw { errno: -EBADF };
          return this.writeStat(pointer, fs.fstatSync(this.entry(descriptor).real));
        }),
        __syscall_statfs64: call((_, __, pointer) => {
          const view = new DataView(this.memory.buffer);
          const room = this.room || 1 << 30;
          const free = Math.max(0, room - (this.room ? (this.used = sizeOf(this.root)) : 0));
          new Uint8Array(this.memory.buffer, pointer, 88).fill(0);
          for (const at of [4, 60]) view.setUint32(pointer + at, BLOCK, true);
          view.setBigInt64(pointer + 8, BigInt(Math.floor(room / BLOCK)), true);
          for (const at of [16, 24]) view.setBigInt64(pointer + at, BigInt(Math.floor(free / BLOCK)), true);
          view.setUint32(pointer + 56, NAME_LIMIT, true);
        }),
      },
      wasi: {
        fd_close: wasi((descriptor) => {
          const entry = this.opened.get(descriptor);
          if (!entry) return;
          this.opened.delete(descriptor);
          if (entry.real !== null) fs.closeSync(entry.real);
        }),
        fd_sync: wasi(() => 0),
        fd_seek: wasi((descriptor, offset, whence, result) => {
          const entry = this.entry(descriptor);
          const base = whence === 0 ? 0 : whence === 1 ? entry.position : fs.fstatSync(entry.real).size;
          const position = base + Number(offset);
          if (position < 0) throw { errno: -EINVAL };
          entry.position = position;
          if (entry.names && position === 0) entry.names = null;
          new DataView(this.memory.buffer).setBigInt64(result, BigInt(position), true);
        }),
        fd_read: wasi((descriptor, vectors, count, result) => {
          const entry = descriptor === 0 ? null : this.entry(descriptor);
          const total = this.vectors(vectors, count, (bytes) => {
            if (entry?.wire) return entry.wire.read(bytes);
            if (!entry) {
              const got = readInput(bytes.length);
              bytes.set(got);
              return got.length;
            }
            const got = fs.readSync(entry.real, bytes, 0, bytes.length, entry.position);
            entry.position += got;
            return got;
          });
          set32(result, total);
        }),
        fd_write: wasi((descriptor, vectors, count, result) => {
          const total = this.vectors(vectors, count, (bytes) => {
            if (descriptor < 3) {
              output(Buffer.from(bytes));
              return bytes.length;
            }
            return this.write(this.entry(descriptor), bytes);
          });
          set32(result, total);
        }),
      },
    };
  }

  open(guest, flags) {
    if (this.device && this.inside(guest) === this.device) return this.enter({ real: null, wire: this.wire });
    const file = this.host(guest);
    const O = fs.constants;
    // musl's numbers are Linux's
    const wanted = flags & (O.O_RDONLY | O.O_WRONLY | O.O_RDWR | O.O_CREAT | O.O_EXCL | O.O_TRUNC | O.O_DIRECTORY);
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (found && flags & O.O_TRUNC) this.take(-found.size);
    if (!found && flags & O.O_CREAT) this.take(0);
    const real = fs.openSync(file, wanted);
    const append = Boolean(flags & O.O_APPEND);
    return this.enter({ real, guest: this.inside(guest), position: 0, append, names: null });
  }

  enter(entry) {
    let descriptor = 3;
    while (this.opened.has(descriptor)) descriptor++;
    this.opened.set(descriptor, entry);
    return descriptor;
  }

  write(entry, bytes) {
    if (entry.wire) {
      entry.wire.write(bytes);
      return bytes.length;
    }
    const size = this.room || entry.append ? fs.fstatSync(entry.real).size : 0;
    if (entry.append) entry.position = size;
    this.take(this.room ? Math.max(0, entry.position + bytes.length - size) : 0);
    const done = fs.writeSync(entry.real, bytes, 0, bytes.length, entry.position);
    entry.position += done;
    return done;
  }

  list(entry, pointer, size) {
    entry.names ??= [".", "..", ...fs.readdirSync(this.root + entry.guest).sort()];
    const view = new DataView(this.memory.buffer);
    const bytes = new Uint8Array(this.memory.buffer);
    let at = 0;
    let index = entry.position / DIRENT;
    for (; index < entry.names.length && at + DIRENT <= size; index++) {
      const name = entry.names[index];
      const kind = fs.statSync(`${this.root}${entry.guest}/${name}`, { throwIfNoEntry: false });
      if (!kind) continue;
      view.setBigInt64(pointer + at, BigInt(kind.ino), true);
      view.setBigInt64(pointer + at + 8, BigInt(DIRENT * (index + 1)), true);
      view.setInt16(pointer + at + 16, DIRENT, true);
      view.setInt8(pointer + at + 18, kind.isDirectory() ? 4 : 8);
      bytes.fill(0, pointer + at + 19, pointer + at + DIRENT);
      bytes.set(Buffer.from(name).subarray(0, 255), pointer + at + 19);
      at += DIRENT;
    }
    entry.position = index * DIRENT;
    return at;
  }
}

function sizeOf(folder) {
  let total = 0;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`;
    total += entry.isDirectory() ? BLOCK + sizeOf(file) : Math.ceil(fs.statSync(file).size / BLOCK) * BLOCK;
  }
  return total;
}
