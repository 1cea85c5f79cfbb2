/* Kills for want of memory: v1 notifies an eventfd and counts in memory.oom_control, v2 changes memory.events. */
#include "launcher.h"

#include <linux/limits.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

static struct {
  int counter, notifier;
  uint64_t at_start;
} watch = {-1, -1, 0};

/** The number after `oom_kill ` at the start of a line. */
static uint64_t read_counter(void) {
  char text[1024];
  ssize_t length = watch.counter < 0 ? -1 : pread(watch.counter, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = 0;
  uint64_t count = 0;
  for (const char *line = text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, "oom_kill ", 9)) continue;
    for (line += 9; *line >= '0' && *line <= '9'; line++) count = count * 10 + (uint64_t)(*line - '0');
    break;
  }
  return count;
}

static int notify_v1(int directory) {
  int events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int control = openat(directory, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
  if (events >= 0 && control >= 0) {
    char text[48];
    size_t length = format_decimal(text, (uint64_t)events);
    text[length++] = ' ';
    length += format_decimal(text + length, (uint64_t)watch.counter);
    if (write_whole(control, text, length) < 0) close(events), events = -1;
  }
  if (control >= 0) close(control);
  return events;
}

static int notify_v2(const char *cgroup) {
  char path[PATH_MAX] = "";
  append(path, sizeof path, cgroup);
  append(path, sizeof path, "/memory.events");
  int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (events >= 0 && inotify_add_watch(events, path, IN_MODIFY) < 0) close(events), events = -1;
  return events;
}

int oom_watch(uint32_t version, const char *cgroup) {
  int directory = version ? open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (directory < 0) return -1;
  watch.counter = openat(directory, version == 2 ? "memory.events" : "memory.oom_control", O_RDONLY | O_CLOEXEC);
  if (watch.counter >= 0) watch.notifier = version == 2 ? notify_v2(cgroup) : notify_v1(directory);
  watch.at_start = read_counter();
  close(directory);
  return watch.notifier;
}

uint64_t oom_kills(void) {
  uint8_t taken[512];
  if (watch.notifier >= 0)
    while (read(watch.notifier, taken, sizeof taken) > 0) continue;
  uint64_t now = read_counter();
  return now > watch.at_start ? now - watch.at_start : 0;
}
