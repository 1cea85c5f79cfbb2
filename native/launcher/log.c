/*
 * The container's log: Docker's json-file lines, `{"log":"…\n","stream":"stdout","time":"…Z"}`. A line is written when its newline
 * came, when it passes 16 KiB (a partial: no newline in "log"), or at the end. A full disk drops lines, never blocks.
 */
#include "launcher.h"

#include <linux/limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define LINE_BYTES 16384u
#define BUFFER_BYTES (256u << 10)
#define SUFFIX_BYTES 64u /* 61 of them count; a fixed size is copied fastest */
#define LINE_ROOM (10u + 6u * LINE_BYTES + SUFFIX_BYTES) /* every byte may become \u00XX */
#define MAX_TAIL_BYTES (1 << 20)

struct held_line {
  uint8_t *bytes;
  uint32_t length;
};

static struct {
  int fd;
  const char *path;
  uint64_t size, max_bytes;
  uint32_t max_files;
  char *buffer;
  uint32_t used;
  uint64_t dropped, unannounced;
  struct held_line held[2];
  char suffix[SUFFIX_BYTES];
  uint32_t suffix_length;
} the_log = {.fd = -1};

static void put_two(char *out, unsigned number) {
  out[0] = (char)('0' + number / 10);
  out[1] = (char)('0' + number % 10);
}

/** `2024-01-01T00:00:00.123456789Z`, 30 bytes. Days to a civil date: the era algorithm, March as the first month. */
static void format_time(char out[30], const struct timespec *time) {
  int64_t days = time->tv_sec / 86400 + 719468, era = days / 146097;
  unsigned second = (unsigned)(time->tv_sec % 86400), of_era = (unsigned)(days - era * 146097);
  unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * of_year + 2) / 153, month = shifted < 10 ? shifted + 3 : shifted - 9;
  unsigned year = year_of_era + (unsigned)era * 400 + (month <= 2);
  memcpy(out, "0000-00-00T00:00:00.000000000Z", 30);
  put_two(out, year / 100 % 100);
  put_two(out + 2, year % 100);
  put_two(out + 5, month);
  put_two(out + 8, of_year - (153 * shifted + 2) / 5 + 1);
  put_two(out + 11, second / 3600);
  put_two(out + 14, second / 60 % 60);
  put_two(out + 17, second % 60);
  unsigned long nanoseconds = (unsigned long)time->tv_nsec;
  for (int i = 28; i >= 20; i--, nanoseconds /= 10) out[i] = (char)('0' + nanoseconds % 10);
}

static void set_suffix(int stream, const struct timespec *now) {
  char *out = the_log.suffix;
  const char *head = stream == 0 ? "\",\"stream\":\"stdout\",\"time\":\"" : "\",\"stream\":\"stderr\",\"time\":\"";
  size_t length = strlen(head);
  memcpy(out, head, length);
  format_time(out + length, now);
  memcpy(out + length + 30, "\"}\n", 3);
  the_log.suffix_length = (uint32_t)length + 33;
}

/** Payload bytes in encoded lines, to count what was dropped: an escape stands for one byte. */
static uint64_t payload_bytes(const char *at, const char *end) {
  uint64_t count = 0;
  while (at < end) {
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end) line_end = end;
    at += 8; /* {"log":" */
    while (at < line_end && *at != '"') {
      at += *at != '\\' ? 1 : at[1] == 'u' ? 6 : 2;
      count++;
    }
    at = line_end + 1;
  }
  return count;
}

/** Writes whole lines; what the disk has no room for is cut off again at a line's end. Returns the bytes that stay. */
static size_t write_lines(const char *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t wrote = write(the_log.fd, bytes + done, length - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    done += (size_t)wrote;
  }
  size_t whole = done;
  while (whole < length && whole > 0 && bytes[whole - 1] != '\n') whole--;
  if (whole != done && ftruncate(the_log.fd, (off_t)(the_log.size + whole)) < 0) whole = done;
  the_log.size += whole;
  return whole;
}

static void drop(const char *bytes, size_t length) {
  uint64_t count = payload_bytes(bytes, bytes + length);
  the_log.dropped += count;
  the_log.unannounced += count;
}

static bool announce_dropped(void) {
  char text[96] = "gantry: ", line[256] = "{\"log\":\"";
  size_t length = strlen(text);
  text[length + format_decimal(text + length, the_log.unannounced)] = 0;
  append(text, sizeof text, " bytes of output were dropped: the log could not be written\\n");
  append(line, sizeof line, text);
  append(line, sizeof line, "\",\"stream\":\"stderr\",\"time\":\"");
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char time[31] = "";
  format_time(time, &now);
  append(line, sizeof line, time);
  append(line, sizeof line, "\"}\n");
  if (write_lines(line, strlen(line)) == 0) return false;
  the_log.unannounced = 0;
  return true;
}

static void flush(uint32_t length) {
  if (length == 0) return;
  if (the_log.unannounced && !announce_dropped()) {
    drop(the_log.buffer, length);
  } else {
    size_t kept = write_lines(the_log.buffer, length);
    if (kept < length) drop(the_log.buffer + kept, length - kept);
  }
  the_log.used -= length;
  if (the_log.used) memmove(the_log.buffer, the_log.buffer + length, the_log.used);
}

/** `<path>.<n>`; `n` 0 is the log itself. */
static void rotated_name(char out[PATH_MAX], uint32_t n) {
  out[0] = 0;
  append(out, PATH_MAX - 12, the_log.path);
  if (n == 0) return;
  append(out, PATH_MAX, ".");
  size_t length = strlen(out);
  out[length + format_decimal(out + length, n)] = 0;
}

static int open_log(int flags) {
  return open(the_log.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | flags, 0640);
}

/** The last is removed, not renamed over: ext4 would first write out the file that takes its place, and we would wait for the disk. */
static void rotate(void) {
  char from[PATH_MAX], to[PATH_MAX];
  if (the_log.max_files > 1) {
    rotated_name(to, the_log.max_files - 1);
    unlink(to);
  }
  for (uint32_t n = the_log.max_files - 1; n > 0; n--) {
    rotated_name(from, n - 1);
    rotated_name(to, n);
    rename(from, to);
  }
  int fd = open_log(O_TRUNC);
  if (fd < 0) return; /* go on in the old file */
  close(the_log.fd);
  the_log.fd = fd;
  the_log.size = 0;
}

static void write_line(const uint8_t *bytes, uint32_t length) {
  if (BUFFER_BYTES - the_log.used < LINE_ROOM) flush(the_log.used);
  uint32_t before = the_log.used;
  char *out = the_log.buffer + before;
  memcpy(out, "{\"log\":\"", 8);
  out = escape_json(out + 8, bytes, bytes + length);
  memcpy(out, the_log.suffix, SUFFIX_BYTES);
  the_log.used = (uint32_t)(out - the_log.buffer) + the_log.suffix_length;
  if (the_log.max_bytes && the_log.size + the_log.used > the_log.max_bytes && the_log.size + before > 0) {
    flush(before);
    rotate();
  }
}

/** Where to cut a line of 16 KiB: not within a character. */
static uint32_t cut_at_character(const uint8_t *bytes, uint32_t length) {
  for (uint32_t back = 1; back <= 3; back++) {
    uint8_t byte = bytes[length - back];
    if ((byte & 0xc0) == 0x80) continue;
    uint32_t need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return need > back ? length - back : length;
  }
  return length;
}

/** Adds to the held line; returns the bytes taken. */
static size_t extend_held(struct held_line *held, const uint8_t *bytes, size_t length) {
  size_t room = LINE_BYTES - held->length, taken = length < room ? length : room;
  const uint8_t *newline = memchr(bytes, '\n', taken);
  if (newline) taken = (size_t)(newline - bytes) + 1;
  memcpy(held->bytes + held->length, bytes, taken);
  held->length += (uint32_t)taken;
  if (newline) {
    write_line(held->bytes, held->length);
    held->length = 0;
  } else if (held->length == LINE_BYTES) {
    uint32_t cut = cut_at_character(held->bytes, LINE_BYTES);
    write_line(held->bytes, cut);
    memmove(held->bytes, held->bytes + cut, LINE_BYTES - cut);
    held->length = LINE_BYTES - cut;
  }
  return taken;
}

void log_feed(int stream, const uint8_t *bytes, size_t length, const struct timespec *now) {
  if (the_log.fd < 0) return;
  struct held_line *held = &the_log.held[stream];
  set_suffix(stream, now);
  while (length > 0) {
    size_t taken = length < LINE_BYTES ? length : LINE_BYTES;
    const uint8_t *newline = held->length ? NULL : memchr(bytes, '\n', taken);
    if (held->length || (!newline && taken < LINE_BYTES)) {
      taken = extend_held(held, bytes, length);
    } else {
      taken = newline ? (size_t)(newline - bytes) + 1 : cut_at_character(bytes, LINE_BYTES);
      write_line(bytes, (uint32_t)taken);
    }
    bytes += taken;
    length -= taken;
  }
  flush(the_log.used);
}

void log_end(void) {
  if (the_log.fd < 0) return;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  for (int stream = 0; stream < 2; stream++) {
    struct held_line *held = &the_log.held[stream];
    if (held->length == 0) continue;
    set_suffix(stream, &now);
    write_line(held->bytes, held->length);
    held->length = 0;
  }
  flush(the_log.used);
  if (the_log.unannounced) announce_dropped();
}

/** A launcher that was killed while it wrote leaves half a line: cut it off, so that every line is whole. */
static void cut_torn_line(int fd) {
  off_t size = lseek(fd, 0, SEEK_END);
  char byte;
  for (off_t end = size; end > 0 && end > size - MAX_TAIL_BYTES; end--) {
    if (pread(fd, &byte, 1, end - 1) != 1) return;
    if (byte != '\n') continue;
    if (end != size && ftruncate(fd, end) < 0) return;
    return;
  }
}

int log_open(const char *path, uint64_t max_bytes, uint32_t max_files) {
  the_log.path = path;
  int reader = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
  if (reader >= 0) {
    cut_torn_line(reader);
    close(reader);
  }
  int fd = open_log(0);
  struct stat found;
  if (fd < 0 || fstat(fd, &found) < 0) return -errno;
  uint8_t *memory = map_memory(BUFFER_BYTES + 2 * LINE_BYTES);
  if (!memory) return -ENOMEM;
  the_log.buffer = (char *)memory;
  the_log.held[0].bytes = memory + BUFFER_BYTES;
  the_log.held[1].bytes = memory + BUFFER_BYTES + LINE_BYTES;
  the_log.size = (uint64_t)found.st_size;
  the_log.max_bytes = max_bytes;
  the_log.max_files = max_files ? max_files : 1;
  the_log.fd = fd;
  return 0;
}

uint64_t log_dropped_bytes(void) { return the_log.dropped; }

void log_relax(void) {
  if (the_log.fd >= 0 && the_log.used == 0) madvise(the_log.buffer, BUFFER_BYTES, MADV_DONTNEED);
}
