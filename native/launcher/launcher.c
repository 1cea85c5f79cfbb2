/* gantry-launcher: reads a plan from descriptor 0, listens on descriptor 3, has the plan's descriptors from 4 on. */
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
  int error = plan_read(0, &plan);
  if (!has_listener()) return 1;
  keep_descriptors(plan.fd_count);
  if (!redirect_stdio(argc > 1 && !strcmp(argv[1], "--debug"))) return 1;
  if (error < 0) plan = (struct plan){.exit_record = "", .log_path = "", .memory_cgroup = "", .awaited_clients = 1};
  supervise(&task, &plan, error);
}
