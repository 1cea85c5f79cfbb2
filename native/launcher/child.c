/* The child's side: how it is made, what it tells the launcher, and the `init` that stays as pid 1. */
#include "launcher.h"

#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define EXIT_NOT_STARTED 127

static void report(struct task *task, uint32_t message, uint32_t operation, int error) {
  struct child_report report = {.message = message, .operation = operation, .error = (uint32_t)error};
  memcpy(report.detail, task->detail, sizeof report.detail);
  while (write(task->control, &report, sizeof report) < 0 && errno == EINTR) continue;
}

void child_warn(struct task *task, uint32_t operation, int error) { report(task, CHILD_WARNING, operation, error); }

void child_announce(struct task *task) {
  if (task->announced) return;
  task->announced = true;
  report(task, CHILD_ABOUT_TO_EXEC, NO_OPERATION, 0);
}

void die_with_parent(struct task *task) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  struct pollfd launcher = {.fd = task->control};
  if (poll(&launcher, 1, 0) > 0 && launcher.revents & (POLLHUP | POLLERR)) _exit(EXIT_NOT_STARTED);
}

static pid_t clone_child(uint64_t flags, int cgroup) {
  struct clone_args arguments = {.flags = flags, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD};
  if (cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)cgroup;
  }
  return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static void default_signals(void) {
  for (int signal = 1; signal < NSIG; signal++) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void enter(struct task *task) {
  struct cursor cursor = task->plan->operations;
  struct operation operation;
  for (uint32_t index = 0; plan_next(&cursor, &operation); index++) {
    if (operation.stage != ENTER) continue;
    operation.index = index;
    int result = run_operation(task, &operation);
    if (result < 0) {
      report(task, CHILD_FAILED, index, -result);
      _exit(EXIT_NOT_STARTED);
    }
  }
  _exit(EXIT_NOT_STARTED);
}

int start_child(struct task *task, const struct operation *clone, const int stdio[3], int launcher_end) {
  int cgroup = -1;
  const char *path = clone->field[1].text;
  if (*path && (cgroup = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) return failed(task, "open", path);
  pid_t pid = clone_child(clone->field[0].number, cgroup);
  if (pid < 0) {
    int error = failed(task, "clone3", path);
    if (cgroup >= 0) close(cgroup);
    return error;
  }
  if (pid > 0) {
    if (cgroup >= 0) close(cgroup);
    return pid;
  }
  close(launcher_end);
  task->child = 0;
  default_signals();
  die_with_parent(task);
  setsid();
  for (int fd = 0; fd < 3; fd++)
    if (dup2(stdio[fd], fd) < 0) _exit(EXIT_NOT_STARTED);
  enter(task);
}

/** One byte means go; an end means that the launcher is gone. */
int op_await_attend(struct task *task, const struct operation *op) {
  (void)op;
  char go;
  ssize_t got;
  do got = read(task->control, &go, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1) return 0;
  _exit(EXIT_NOT_STARTED);
}

/**
 * A child of the launcher, not of us (CLONE_PARENT): it reaps it and may signal it. The pid is the host's, as ours is. The child
 * waits until the launcher was told of it: one that ended before would be reaped as a stranger, and waited for ever after.
 */
int op_enter_pid_namespace(struct task *task, const struct operation *op) {
  (void)op;
  int told[2];
  char word = 0;
  if (pipe2(told, O_CLOEXEC) < 0) return failed(task, "pipe", "");
  pid_t pid = clone_child(CLONE_PARENT, -1);
  if (pid < 0) return failed(task, "clone3", "");
  if (pid > 0) {
    report(task, CHILD_MOVED, (uint32_t)pid, 0);
    if (write(told[1], &word, 1) != 1) _exit(EXIT_NOT_STARTED);
    _exit(0);
  }
  close(told[1]);
  ssize_t got;
  do got = read(told[0], &word, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) _exit(EXIT_NOT_STARTED);
  close(told[0]);
  die_with_parent(task);
  setsid();
  return 0;
}

/** Waits for signals for ever: forwards them, reaps, and ends as the first child ends. */
static _Noreturn void be_init(pid_t child, const sigset_t *caught) {
  for (;;) {
    siginfo_t info;
    if (sigwaitinfo(caught, &info) < 0) continue;
    if (info.si_signo != SIGCHLD) {
      kill(child, info.si_signo);
      continue;
    }
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
      if (pid == child) _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
}

/** Signals that mean a fault of our own, or that the terminal sends to background writers, are not forwarded. */
static sigset_t forwarded_signals(void) {
  static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};
  sigset_t set;
  sigfillset(&set);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&set, own[i]);
  return set;
}

int op_init(struct task *task, const struct operation *op) {
  (void)op;
  sigset_t caught = forwarded_signals(), before;
  sigprocmask(SIG_SETMASK, &caught, &before);
  /* The container's filter is on by now, and filters refuse clone3. */
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child < 0) return failed(task, "clone", "");
  if (child > 0) {
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    prctl(PR_SET_NAME, "docker-init", 0, 0, 0);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    syscall(SYS_close_range, 0, ~0u, 0);
    be_init(child, &caught);
  }
  /* The terminal's foreground group is the program's, so that ^C reaches it and its children. */
  signal(SIGTTOU, SIG_IGN);
  if (setpgid(0, 0) == 0) {
    pid_t group = getpgrp();
    if (ioctl(0, TIOCSPGRP, &group) < 0 && errno != ENOTTY) task->detail[0] = 0;
  }
  signal(SIGTTOU, SIG_DFL);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return 0;
}
