import { ptr } from "bun:ffi";
import { trySyscall } from "./libc.ts";

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCGWINSZ = 0x5413;

/** `struct termios` of the system call: four flag words, the line discipline, 19 control characters. */
const TERMIOS_BYTES = 36;
const IFLAG = 0;
const OFLAG = 4;
const CFLAG = 8;
const LFLAG = 12;
const CC = 17;
const VTIME = 5;
const VMIN = 6;

/** What termios(3) cfmakeraw clears: IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON. */
const RAW_IFLAG = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
/** OPOST. The runtime's own raw mode leaves it set, and every line of a container's terminal would end in two returns. */
const RAW_OFLAG = 0o1;
/** ECHO ECHONL ICANON ISIG IEXTEN. */
const RAW_LFLAG = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000;
const ECHO = 0o10;
const CSIZE_PARENB = 0o60 | 0o400;
const CS8 = 0o60;

export function isTerminal(fd: number): boolean {
  return trySyscall("ioctl", fd, TCGETS, ptr(Buffer.alloc(TERMIOS_BYTES))) >= 0;
}

/** [rows, columns]; [0, 0] when `fd` is no terminal. */
export function terminalSize(fd: number): [number, number] {
  const size = Buffer.alloc(8);
  if (trySyscall("ioctl", fd, TIOCGWINSZ, ptr(size)) < 0) return [0, 0];
  return [size.readUInt16LE(0), size.readUInt16LE(2)];
}

/** Every byte goes through as it is, both ways, from now until the returned function is called. */
export function setRawMode(fd: number): () => void {
  return changeMode(fd, (mode) => {
    clear(mode, IFLAG, RAW_IFLAG);
    clear(mode, OFLAG, RAW_OFLAG);
    clear(mode, LFLAG, RAW_LFLAG);
    clear(mode, CFLAG, CSIZE_PARENB);
    mode.writeUInt32LE((mode.readUInt32LE(CFLAG) | CS8) >>> 0, CFLAG);
    mode[CC + VMIN] = 1;
    mode[CC + VTIME] = 0;
  });
}

/** What is typed is not shown, from now until the returned function is called; lines and ^C stay what they are. */
export function hideInput(fd: number): () => void {
  return changeMode(fd, (mode) => clear(mode, LFLAG, ECHO));
}

/** The way back undoes it; nothing happens where `fd` is no terminal. */
function changeMode(fd: number, change: (mode: Buffer) => void): () => void {
  const before = Buffer.alloc(TERMIOS_BYTES);
  if (trySyscall("ioctl", fd, TCGETS, ptr(before)) < 0) return () => undefined;
  const mode = Buffer.from(before);
  change(mode);
  trySyscall("ioctl", fd, TCSETS, ptr(mode));
  return () => void trySyscall("ioctl", fd, TCSETS, ptr(before));
}

function clear(mode: Buffer, at: number, bits: number): void {
  mode.writeUInt32LE((mode.readUInt32LE(at) & ~bits) >>> 0, at);
}
