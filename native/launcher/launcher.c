/*
 * gantry-launcher: reads a plan from descriptor 0, listens on descriptor 3, has the plan's descriptors from 4 on. Started as a
 * spare, with a socket as descriptor 0, it waits until the daemon sends it these descriptors and its task's name.
 */
#include "launcher.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CLOEXEC_RANGE 4 /* CLOSE_RANGE_CLOEXEC */

/** Nothing but the plan, the socket and the plan's descriptors; none of them reaches the program. */
static void keep_descriptors(uint32_t plan_fds) {
  syscall(SYS_close_range, FIRST_PLAN_FD + plan_fds, ~0u, 0);
  syscall(SYS_close_range, 3, ~0u, CLOEXEC_RANGE);
}

#define MAX_PASSED 253 /* SCM_MAX_FD */

/** Puts received descriptors where they belong. The kernel gave them the lowest free numbers, each above its place. */
static bool place_descriptors(const int *received, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int place = i == 0 ? 0 : (int)i + 2;
    if (received[i] <= place || (i > 0 && received[i] <= received[i - 1]) || dup2(received[i], place) < 0) return false;
  }
  return count >= 2;
}

/** Waits as a spare. Returns only with work; without a daemon there will be none. `name` is overwritten with the task's. */
static void await_assignment(char *name) {
  union {
    char bytes[CMSG_SPACE(MAX_PASSED * sizeof(int))];
    struct cmsghdr align;
  } control;
  char text[64];
  struct iovec part = {text, sizeof text};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t got;
  do got = recvmsg(0, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (!header || header->cmsg_type != SCM_RIGHTS || (message.msg_flags & MSG_CTRUNC)) _exit(0);
  int received[MAX_PASSED];
  size_t bytes = header->cmsg_len - CMSG_LEN(0);
  memcpy(received, CMSG_DATA(header), bytes);
  if (!place_descriptors(received, bytes / sizeof(int))) _exit(1);
  size_t room = strlen(name);
  memcpy(name, text, (size_t)got < room ? (size_t)got : room);
}

static bool is_spare(void) {
  struct stat input;
  return fstat(0, &input) == 0 && S_ISSOCK(input.st_mode);
}

/** A supervisor is nobody's foreground job, and adopts what its task leaves behind. */
static void become_supervisor(void) {
  static const int ignored[] = {SIGPIPE, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  prctl(PR_SET_NAME, "gantry-launcher", 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a task that shares our pid namespace finds nothing in our /proc */
  setsid();
  umask(0);
}

/** Without it we are not run by the daemon: somebody found our file, as `#! /proc/self/exe` does. */
static bool has_listener(void) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/** `--debug` keeps stderr. */
static bool redirect_stdio(bool keep_stderr) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  bool done = dup2(null, 0) == 0 && dup2(null, 1) == 1 && (keep_stderr || dup2(null, 2) == 2);
  if (null > 2) close(null);
  return done && chdir("/") == 0;
}

int main(int argc, char **argv) {
  static struct plan plan = {.exit_record = "", .log_path = "", .memory_cgroup = "", .awaited_clients = 1};
  static struct task task = {.plan = &plan, .control = -1, .root = -1};
  become_supervisor();
  if (argc > 1 && is_spare()) await_assignment(argv[1]);
  int error = plan_read(0, &plan);
  if (!has_listener()) return 1;
  keep_descriptors(plan.fd_count);
  if (!redirect_stdio(argc > 1 && !strcmp(argv[1], "--debug"))) return 1;
  if (error < 0) plan = (struct plan){.exit_record = "", .log_path = "", .memory_cgroup = "", .awaited_clients = 1};
  supervise(&task, &plan, error);
}
