/*
 * One loop for the whole life of a task: STARTING (the child performs its operations) → RUNNING → DRAINING (it ended; what is left
 * of its output) → CLOSING (its exit is recorded; clients take what is theirs). A failed launch goes from STARTING to CLOSING.
 */
#include "clients.h"

#include <linux/limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define PIPE_BYTES (256 << 10)
#define INTRODUCTION_NS 2000000000u /* how long output waits for the clients that the daemon connected before it started us */
#define HELD_UP_NS 2000000000u      /* how long a client that takes nothing delays the word of the task's end */
#define STALLED_NS 600000000000u    /* and how long it keeps us after that: somebody may be reading in a pager */
#define IDLE_MS 1000
#define MAX_WARNINGS 16
#define MAX_POLLS (MAX_CLIENTS + 8)

enum phase { STARTING, RUNNING, DRAINING, CLOSING };

static struct {
  struct task *task;
  const struct plan *plan;
  enum phase phase;
  int control, signals, oom;
  int input;     /* the task's stdin, or -1 */
  int output[2]; /* stdout and stderr; with a terminal [0] is its master */
  bool reaped, about_to_exec, failed, go_sent;
  int wait_status;
  uint64_t start_ticks, started_ns, finished_ns, begun_ns;
  uint64_t oom_seen;
  uint64_t progress, progress_ns; /* what clients had taken when they last took something, and when */
  uint8_t warnings[MAX_WARNINGS][8];
  uint32_t warning_count;
  uint8_t failure[8 + sizeof(((struct task *)0)->detail)];
  uint32_t failure_length;
  uint8_t *buffer;
  bool relaxed; /* nothing was used since memory was given back */
} sv = {.control = -1, .signals = -1, .oom = -1, .input = -1, .output = {-1, -1}};

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

bool task_output_has_ended(void) { return sv.phase == CLOSING; }

/* ---- what subscribers hear ---- */

static uint32_t encode_started(uint8_t out[20]) {
  put32(out, (uint32_t)sv.task->child);
  put64(out + 4, sv.start_ticks);
  put64(out + 12, sv.started_ns);
  return 20;
}

static int exit_code(void) {
  return WIFSIGNALED(sv.wait_status) ? 128 + WTERMSIG(sv.wait_status) : WEXITSTATUS(sv.wait_status);
}

static int exit_signal(void) { return WIFSIGNALED(sv.wait_status) ? WTERMSIG(sv.wait_status) : 0; }

static uint32_t encode_exited(uint8_t out[28]) {
  put32(out, (uint32_t)exit_code());
  put32(out + 4, (uint32_t)exit_signal());
  put32(out + 8, sv.oom_seen > 0);
  put64(out + 12, sv.finished_ns);
  put64(out + 20, log_dropped_bytes());
  return 28;
}

void replay_events(int client) {
  uint8_t payload[32];
  for (uint32_t i = 0; i < sv.warning_count; i++) client_send_event(client, EVENT_WARNING, sv.warnings[i], 8);
  if (sv.failed) {
    if (sv.phase == CLOSING) client_send_event(client, EVENT_FAILED, sv.failure, sv.failure_length);
    return;
  }
  if (sv.phase == STARTING) return;
  client_send_event(client, EVENT_STARTED, payload, encode_started(payload));
  if (sv.oom_seen) client_send_event(client, EVENT_OOM, NULL, 0);
  if (sv.phase == CLOSING) client_send_event(client, EVENT_EXITED, payload, encode_exited(payload));
}

static void warn(uint32_t operation, uint32_t error) {
  if (sv.warning_count == MAX_WARNINGS) return;
  uint8_t *warning = sv.warnings[sv.warning_count++];
  put32(warning, operation);
  put32(warning + 4, error);
  clients_send_event(EVENT_WARNING, warning, 8);
}

/* ---- input, and requests ---- */

void close_task_stdin(void) {
  if (!sv.plan->tty) close_fd(&sv.input);
}

void close_task_stdin_once(void) {
  if (sv.plan->stdin_once) close_task_stdin();
}

ssize_t write_task_stdin(const uint8_t *bytes, size_t length) {
  int fd = sv.plan->tty ? sv.output[0] : sv.input;
  if (fd < 0) return sv.phase == STARTING && sv.plan->tty ? 0 : -1;
  if (!sv.plan->keep_stdin) return -1;
  ssize_t wrote = write(fd, bytes, length);
  if (wrote >= 0) return wrote;
  if (errno == EAGAIN || errno == EINTR) return 0;
  if (!sv.plan->tty) close_fd(&sv.input);
  return -1;
}

static int resize(const uint8_t *payload, uint32_t length) {
  if (length != 8) return EINVAL;
  struct winsize size = {.ws_row = (uint16_t)get32(payload), .ws_col = (uint16_t)get32(payload + 4)};
  if (!sv.plan->tty || sv.output[0] < 0) return ENOTTY;
  return ioctl(sv.output[0], TIOCSWINSZ, &size) < 0 ? errno : 0;
}

/** We have not reaped it, so the pid is still the task's. */
static int signal_task(const uint8_t *payload, uint32_t length) {
  if (length != 4) return EINVAL;
  if (sv.reaped || sv.task->child <= 0) return ESRCH;
  return kill(sv.task->child, (int)get32(payload)) < 0 ? errno : 0;
}

void answer_request(int client, uint32_t request, const uint8_t *payload, uint32_t length) {
  int error = EINVAL;
  if (request == REQUEST_RESIZE) error = resize(payload, length);
  else if (request == REQUEST_SIGNAL) error = signal_task(payload, length);
  else if (request == REQUEST_CLOSE_STDIN) error = (close_task_stdin(), 0);
  uint8_t answer[4];
  put32(answer, (uint32_t)error);
  client_send_event(client, EVENT_ANSWER, answer, sizeof answer);
}

/* ---- output ---- */

static void end_output(int stream) { close_fd(&sv.output[stream]); }

/** One read, to the log and to the attached clients. Returns false when there was nothing. */
static bool pump(int stream) {
  ssize_t got = read(sv.output[stream], sv.buffer, READ_BYTES);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) return end_output(stream), false; /* EIO: no process has the terminal open any more */
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  log_feed(stream, sv.buffer, (size_t)got, &now); /* first: whoever saw a line finds it in the log */
  clients_send_output(sv.plan->tty ? 0 : stream + 1, sv.buffer, (size_t)got);
  sv.relaxed = false;
  return true;
}

/** How long no client has taken anything, as far as we have looked: not before the task's end. */
static uint64_t stalled_ns(void) {
  if (clients_progress() != sv.progress || sv.progress_ns == 0) {
    sv.progress = clients_progress();
    sv.progress_ns = now_ns();
  }
  return now_ns() - sv.progress_ns;
}

static bool may_read_output(void) {
  if (clients_introduced() < sv.plan->awaited_clients && now_ns() - sv.begun_ns < INTRODUCTION_NS) return false;
  /* At the end what is left fits into the queues: a pipe or two. */
  return clients_have_room() || (sv.phase == DRAINING && stalled_ns() > HELD_UP_NS);
}

/* ---- the end of a launch or a task ---- */

static int run_stage(enum stage stage, bool ignore_failures, uint32_t *failed_index) {
  struct cursor cursor = sv.plan->operations;
  struct operation operation;
  for (uint32_t index = 0; plan_next(&cursor, &operation); index++) {
    if (operation.stage != stage) continue;
    operation.index = index;
    int result = operation_kinds[operation.code].run(sv.task, &operation);
    if (result == 0 || ignore_failures) continue;
    int8_t optional = operation_kinds[operation.code].optional_field;
    if (optional >= 0 && operation.field[optional].number) {
      warn(index, (uint32_t)-result);
      continue;
    }
    *failed_index = index;
    return result;
  }
  return 0;
}

static void begin_closing(void) {
  sv.phase = CLOSING;
  end_output(0);
  end_output(1);
  close_fd(&sv.input);
  clients_end_output();
}

static void fail_launch(uint32_t operation, int error, const char *detail) {
  if (sv.failed) return;
  sv.failed = true;
  put32(sv.failure, operation);
  put32(sv.failure + 4, (uint32_t)error);
  size_t length = strnlen(detail, sizeof sv.failure - 8);
  memcpy(sv.failure + 8, detail, length);
  sv.failure_length = 8 + (uint32_t)length;
  if (sv.task->child > 0 && !sv.reaped) {
    kill(sv.task->child, SIGKILL);
    while (waitpid(sv.task->child, NULL, 0) < 0 && errno == EINTR) continue;
    sv.reaped = true;
  }
  close_fd(&sv.control);
  if (sv.plan->operation_count) run_stage(CLEANUP, true, NULL);
  begin_closing();
  clients_send_event(EVENT_FAILED, sv.failure, sv.failure_length);
}

static size_t record_line(char *out, const char *key, uint64_t value) {
  size_t length = strlen(key);
  memcpy(out, key, length);
  length += format_decimal(out + length, value);
  out[length++] = '\n';
  return length;
}

/** Whole before anybody is told: written beside, then renamed. Not synced: no record is believed after a reboot. */
static void write_exit_record(void) {
  char beside[PATH_MAX] = "", text[256];
  append(beside, sizeof beside - 5, sv.plan->exit_record);
  append(beside, sizeof beside, ".tmp");
  size_t length = record_line(text, "code ", (uint64_t)exit_code());
  length += record_line(text + length, "signal ", (uint64_t)exit_signal());
  length += record_line(text + length, "oom ", sv.oom_seen > 0);
  length += record_line(text + length, "finished_ns ", sv.finished_ns);
  length += record_line(text + length, "log_dropped_bytes ", log_dropped_bytes());
  int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  int error = write_whole(fd, text, length);
  close(fd);
  if (error == 0) rename(beside, sv.plan->exit_record);
}

static void hear_oom(void) {
  uint64_t kills = oom_kills();
  if (kills > sv.oom_seen) {
    sv.oom_seen = kills;
    clients_send_event(EVENT_OOM, NULL, 0);
  }
}

static void end_task(void) {
  log_end();
  begin_closing();
  hear_oom();
  run_stage(CLEANUP, true, NULL);
  write_exit_record();
  uint8_t payload[28];
  clients_send_event(EVENT_EXITED, payload, encode_exited(payload));
}

/* ---- the child ---- */

/** Field 22 of /proc/<pid>/stat; the name before it may hold anything, so count from the last parenthesis. */
static uint64_t read_start_ticks(pid_t pid) {
  char path[40] = "/proc/", text[1024];
  size_t length = 6 + format_decimal(path + 6, (uint64_t)pid);
  memcpy(path + length, "/stat", 6);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return 0;
  text[got] = 0;
  const char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  uint64_t ticks = 0;
  if (at)
    for (at++; *at >= '0' && *at <= '9'; at++) ticks = ticks * 10 + (uint64_t)(*at - '0');
  return ticks;
}

static void begin_running(void) {
  close_fd(&sv.control);
  sv.phase = RUNNING;
  sv.started_ns = now_ns();
  sv.start_ticks = read_start_ticks(sv.task->child);
  uint8_t payload[20];
  clients_send_event(EVENT_STARTED, payload, encode_started(payload));
}

static void take_terminal(struct msghdr *message) {
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) return;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  close_fd(&sv.output[0]);
  sv.output[0] = fd;
  fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
}

/** One message of the child; its end means that it runs the program. Returns false when there is nothing now. */
static bool hear_child(void) {
  struct child_report report;
  struct iovec part = {&report, sizeof report};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t got = recvmsg(sv.control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    if (sv.about_to_exec) begin_running();
    else fail_launch(NO_OPERATION, ECHILD, "the child ended before it could start the program");
    return false;
  }
  if (got != sizeof report) return true;
  report.detail[sizeof report.detail - 1] = 0;
  switch (report.message) {
    case CHILD_ABOUT_TO_EXEC: sv.about_to_exec = true; break;
    case CHILD_WARNING: warn(report.operation, report.error); break;
    case CHILD_MOVED: sv.task->child = (pid_t)report.operation; break;
    case CHILD_TERMINAL: take_terminal(&message); break;
    default: fail_launch(report.operation, (int)report.error, report.detail); return false;
  }
  return true;
}

static void hear_child_out(void) {
  while (sv.phase == STARTING && sv.control >= 0 && hear_child()) continue;
}

static void reap(void) {
  struct signalfd_siginfo info[8];
  while (read(sv.signals, info, sizeof info) > 0) continue;
  hear_child_out();
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    hear_child_out();
    if (pid != sv.task->child || sv.reaped) continue;
    sv.reaped = true;
    sv.wait_status = status;
    sv.finished_ns = now_ns();
    hear_child_out();
    if (sv.phase == STARTING && sv.about_to_exec) begin_running();
    if (sv.phase == STARTING) fail_launch(NO_OPERATION, ECHILD, "the child was killed before it could start the program");
    if (sv.phase == RUNNING) sv.phase = DRAINING;
  }
}

/* ---- start ---- */

static int make_pipe(int *ours, int *theirs, bool we_read) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  *ours = ends[we_read ? 0 : 1];
  *theirs = ends[we_read ? 1 : 0];
  fcntl(*ours, F_SETFL, O_NONBLOCK);
  fcntl(*ours, F_SETPIPE_SZ, PIPE_BYTES); /* fewer wake-ups; the default does as well */
  return 0;
}

static int make_stdio(int theirs[3]) {
  theirs[0] = theirs[1] = theirs[2] = 0; /* /dev/null since main */
  if (sv.plan->tty) return 0;
  int error = sv.plan->keep_stdin ? make_pipe(&sv.input, &theirs[0], false) : 0;
  for (int stream = 0; stream < 2 && error == 0; stream++)
    error = make_pipe(&sv.output[stream], &theirs[1 + stream], true);
  return error;
}

static void clone_and_attend(void) {
  uint32_t failed_index = NO_OPERATION;
  int theirs[3], control[2], error = make_stdio(theirs);
  if (error == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0) error = -errno;
  if (error < 0) return fail_launch(NO_OPERATION, -error, "pipes");
  struct cursor cursor = sv.plan->operations;
  struct operation clone;
  uint32_t index = 0;
  while (plan_next(&cursor, &clone) && clone.stage != CLONE) index++;
  sv.task->control = control[1];
  sv.control = control[0];
  int pid = start_child(sv.task, &clone, theirs, control[0]);
  close(control[1]);
  for (int i = 0; i < 3; i++)
    if (theirs[i] > 2) close(theirs[i]);
  if (pid < 0) return fail_launch(index, -pid, sv.task->detail);
  sv.task->child = pid;
  error = run_stage(ATTEND, false, &failed_index);
  if (error < 0) {
    hear_child_out(); /* what we could not do to a child that has failed is not the cause */
    return fail_launch(failed_index, -error, sv.task->detail);
  }
  sv.oom = oom_watch(sv.plan->memory_cgroup_version, sv.plan->memory_cgroup);
  if (send(sv.control, "", 1, MSG_NOSIGNAL) < 0) return; /* it is dead: its messages and its end tell why */
}

static void start(int plan_error) {
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_signal, NULL);
  sv.signals = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
  sv.buffer = map_memory(READ_BYTES);
  fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK);
  if (plan_error < 0) return fail_launch(NO_OPERATION, -plan_error, "malformed plan");
  if (sv.signals < 0 || !sv.buffer) return fail_launch(NO_OPERATION, ENOMEM, "set-up");
  uint32_t failed_index = NO_OPERATION;
  int error = run_stage(PREPARE, false, &failed_index);
  if (error < 0) return fail_launch(failed_index, -error, sv.task->detail);
  if (*sv.plan->log_path && (error = log_open(sv.plan->log_path, sv.plan->log_max_bytes, sv.plan->log_max_files)) < 0)
    return fail_launch(NO_OPERATION, -error, "opening the log");
  clone_and_attend();
}

/* ---- the loop ---- */

/** The task has ended and so has its output, or nobody waits for the rest of it. */
static bool is_drained(void) {
  if (!may_read_output()) return false;
  bool more = false;
  if (sv.plan->abandon_output || sv.plan->tty)
    for (int stream = 0; stream < 2; stream++)
      if (sv.output[stream] >= 0) more |= pump(stream);
  return !more && (sv.plan->abandon_output || sv.plan->tty || (sv.output[0] < 0 && sv.output[1] < 0));
}

static bool is_closed(void) {
  bool introduced = clients_introduced() >= sv.plan->awaited_clients || now_ns() - sv.begun_ns > INTRODUCTION_NS;
  return (introduced && !clients_are_busy()) || stalled_ns() > STALLED_NS;
}

/** Gives back what an idle supervisor does not need. */
static void relax(void) {
  madvise(sv.buffer, READ_BYTES, MADV_DONTNEED);
  log_relax();
  forget_program_pages();
  sv.relaxed = true;
}

static size_t fill_polls(struct pollfd polls[MAX_POLLS]) {
  size_t count = 0;
  bool reading = (sv.phase == RUNNING || sv.phase == DRAINING || sv.phase == STARTING) && may_read_output();
  bool writing = clients_have_input();
  polls[count++] = (struct pollfd){.fd = sv.signals, .events = POLLIN};
  polls[count++] = (struct pollfd){.fd = sv.control, .events = POLLIN};
  polls[count++] = (struct pollfd){.fd = sv.oom, .events = POLLIN};
  short output = (short)((reading ? POLLIN : 0) | (sv.plan->tty && writing ? POLLOUT : 0));
  polls[count++] = (struct pollfd){.fd = output ? sv.output[0] : -1, .events = output};
  polls[count++] = (struct pollfd){.fd = reading ? sv.output[1] : -1, .events = POLLIN};
  polls[count++] = (struct pollfd){.fd = writing ? sv.input : -1, .events = POLLOUT};
  return count;
}

static void turn(bool waiting) {
  struct pollfd polls[MAX_POLLS];
  size_t fixed = fill_polls(polls), count = clients_poll(polls + fixed, 0, true) + fixed;
  int timeout_ms = waiting ? 50 : sv.phase == STARTING || sv.relaxed ? -1 : IDLE_MS;
  if (clients_introduced() < sv.plan->awaited_clients && !waiting) timeout_ms = 100;
  int ready = poll(polls, count, timeout_ms);
  if (ready == 0 && sv.phase == RUNNING) relax();
  if (ready <= 0) return;
  clients_handle(polls + fixed, count - fixed, true);
  if (polls[1].revents) hear_child_out();
  if (polls[2].revents) hear_oom();
  for (int stream = 0; stream < 2; stream++) {
    if (!polls[3 + stream].revents || sv.output[stream] < 0 || !may_read_output()) continue;
    pump(stream);
  }
  if (clients_have_input() && (polls[5].revents || polls[3].revents)) clients_pass_input();
  if (polls[0].revents) reap();
}

void supervise(struct task *task, const struct plan *plan, int plan_error) {
  sv.task = task;
  sv.plan = plan;
  sv.begun_ns = now_ns();
  start(plan_error);
  for (;;) {
    if (sv.phase == DRAINING && is_drained()) end_task();
    if (sv.phase == CLOSING && is_closed()) break;
    turn(sv.phase == CLOSING || sv.phase == DRAINING);
  }
  _exit(0);
}
