/* The table of operations, and those that act on the host: files, cgroups, netlink, device programs. */
#include "launcher.h"

#include <linux/bpf.h>
#include <linux/limits.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define IN(stage) (1u << (stage))
#define HOST (IN(PREPARE) | IN(ATTEND) | IN(CLEANUP))
#define CHILD IN(ENTER)

/* The order is the wire format: src/runtime/plan/encode-plan.ts has the same codes. */
const struct operation_kind operation_kinds[] = {
    {op_mkdir, "su", HOST, -1},
    {op_write_file, "sbu", HOST | CHILD, 2},
    {op_write_child_pid, "su", IN(ATTEND), 1},
    {op_rmdir, "s", HOST, -1},
    {op_device_program, "sb", IN(PREPARE) | IN(ATTEND), -1},
    {op_kill_cgroup, "us", IN(CLEANUP), -1},
    {NULL, "us", IN(CLONE), -1},
    {op_netlink, "bubs", IN(ATTEND) | CHILD, -1},
    {op_await_attend, "", CHILD, -1},
    {op_setns, "uu", CHILD, -1},
    {op_unshare, "u", CHILD, -1},
    {op_enter_pid_namespace, "", CHILD, -1},
    {op_session_keyring, "s", CHILD, -1},
    {op_root_propagation, "u", CHILD, -1},
    {op_mount_overlay, "sss", CHILD, -1},
    {op_mount_bind_root, "ss", CHILD, -1},
    {op_open_root, "s", CHILD, -1},
    {op_mount_fs, "sssluu", CHILD, 5},
    {op_mount_bind, "ssuuuusuu", CHILD, -1},
    {op_mask_path, "s", CHILD, -1},
    {op_readonly_path, "s", CHILD, -1},
    {op_make_dir, "suuu", CHILD, -1},
    {op_make_symlink, "ss", CHILD, -1},
    {op_make_node, "suuuuuu", CHILD, -1},
    {op_pivot_root, "u", CHILD, -1},
    {op_root_attributes, "uu", CHILD, -1},
    {op_hostname, "s", CHILD, -1},
    {op_domainname, "s", CHILD, -1},
    {op_sysctl, "sb", CHILD, -1},
    {op_rlimit, "uUUu", CHILD, 3},
    {op_oom_score_adj, "uu", CHILD, 1},
    {op_terminal, "uuuu", CHILD, -1},
    {op_no_new_privileges, "", CHILD, -1},
    {op_seccomp, "bu", CHILD, -1},
    {op_capabilities, "UUUUU", CHILD, -1},
    {op_credentials, "uubu", CHILD, -1},
    {op_chdir, "su", CHILD, -1},
    {op_init, "", CHILD, -1},
    {op_exec, "ll", CHILD, -1},
    {op_mount_attributes, "suu", CHILD, -1},
    {op_make_file, "sbuuu", CHILD, -1},
};
const uint32_t operation_kind_count = sizeof operation_kinds / sizeof *operation_kinds;

int failed(struct task *task, const char *what, const char *subject) {
  int error = errno;
  task->detail[0] = 0;
  append(task->detail, sizeof task->detail, what);
  if (*subject) append(task->detail, sizeof task->detail, " ");
  append(task->detail, sizeof task->detail, subject);
  return -error;
}

int run_operation(struct task *task, const struct operation *operation) {
  const struct operation_kind *kind = &operation_kinds[operation->code];
  task->detail[0] = 0;
  int result = kind->run(task, operation);
  if (result < 0 && kind->optional_field >= 0 && operation->field[kind->optional_field].number) {
    child_warn(task, operation->index, -result);
    return 0;
  }
  return result;
}

static void pause_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

int op_mkdir(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  if (mkdir(path, (mode_t)op->field[1].number) == 0 || errno == EEXIST) return 0;
  return failed(task, "mkdir", path);
}

static int write_file(struct task *task, const char *path, const char *bytes, size_t length) {
  bool procfs = !strncmp(path, "/proc/", 6);
  int fd = procfs ? open_checked_procfs(AT_FDCWD, path, O_WRONLY) : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    if (procfs) errno = -fd;
    return failed(task, "open", path);
  }
  int result = write_whole(fd, bytes, length);
  close(fd);
  if (result == 0) return 0;
  errno = -result;
  return failed(task, "write", path);
}

int op_write_file(struct task *task, const struct operation *op) {
  return write_file(task, op->field[0].text, op->field[1].text, op->field[1].number);
}

int op_write_child_pid(struct task *task, const struct operation *op) {
  char digits[20];
  size_t length = format_decimal(digits, (uint64_t)task->child);
  return write_file(task, op->field[0].text, digits, length);
}

/** A cgroup is busy for a moment after its last process was reaped. */
int op_rmdir(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  for (int i = 0; i < 100; i++) {
    if (rmdir(path) == 0 || errno == ENOENT) return 0;
    if (errno != EBUSY) break;
    pause_ms(1);
  }
  return failed(task, "rmdir", path);
}

int op_device_program(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  union bpf_attr load = {
      .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
      .insns = (uintptr_t)op->field[1].text,
      .insn_cnt = (uint32_t)(op->field[1].number / sizeof(struct bpf_insn)),
      .license = (uintptr_t) "Apache-2.0",
  };
  int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  if (program < 0) return failed(task, "loading the device program of", path);
  int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result = cgroup < 0 ? failed(task, "open", path) : 0;
  if (result == 0) {
    union bpf_attr attach = {
        .target_fd = (uint32_t)cgroup,
        .attach_bpf_fd = (uint32_t)program,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0) result = failed(task, "attaching to", path);
    close(cgroup);
  }
  close(program);
  return result;
}

/** Signals every process of a v1 cgroup. Returns whether there was any. An open list never changes: each look opens it anew. */
static bool kill_listed(int directory) {
  int procs = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  if (procs < 0) return false;
  char bytes[4096];
  pid_t pid = 0;
  bool any = false;
  for (ssize_t got; (got = read(procs, bytes, sizeof bytes)) > 0;) {
    for (ssize_t i = 0; i < got; i++) {
      if (bytes[i] >= '0' && bytes[i] <= '9') {
        pid = pid * 10 + (bytes[i] - '0');
        continue;
      }
      if (pid > 1) kill(pid, SIGKILL), any = true;
      pid = 0;
    }
  }
  close(procs);
  return any;
}

static bool still_populated(int directory) {
  int events = openat(directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
  if (events < 0) return false;
  char bytes[256];
  ssize_t got = read(events, bytes, sizeof bytes - 1);
  close(events);
  if (got <= 0) return false;
  bytes[got] = 0;
  return strstr(bytes, "populated 1") != NULL;
}

int op_kill_cgroup(struct task *task, const struct operation *op) {
  bool v2 = op->field[0].number == 2;
  const char *path = op->field[1].text;
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return failed(task, "open", path);
  if (v2) {
    int kill_file = openat(directory, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    if (kill_file >= 0) write_whole(kill_file, "1", 1), close(kill_file);
  }
  for (int waited_ms = 0; waited_ms < 2000; waited_ms += 2) {
    if (v2 ? !still_populated(directory) : !kill_listed(directory)) break;
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    pause_ms(2);
  }
  close(directory);
  return 0;
}

/** Reads answers until every request was acknowledged; the first error ends it. */
static int read_acks(struct task *task, int sock, uint32_t acks, const char *comment) {
  char bytes[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
  while (acks > 0) {
    ssize_t got = recv(sock, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed(task, "netlink answer", comment);
    int left = (int)got;
    for (struct nlmsghdr *header = (struct nlmsghdr *)bytes; NLMSG_OK(header, (unsigned)left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))) continue;
      const struct nlmsgerr *answer = NLMSG_DATA(header);
      if (answer->error != 0) {
        errno = -answer->error;
        return failed(task, "netlink", comment);
      }
      acks--;
    }
  }
  return 0;
}

int op_netlink(struct task *task, const struct operation *op) {
  char messages[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
  size_t length = op->field[0].number;
  const char *comment = op->field[3].text;
  if (length > sizeof messages) return errno = E2BIG, failed(task, "netlink", comment);
  memcpy(messages, op->field[0].text, length);
  uint32_t pid = (uint32_t)task->child;
  for (size_t i = 0; i + 4 <= op->field[2].number; i += 4) {
    uint32_t offset;
    memcpy(&offset, op->field[2].text + i, sizeof offset);
    if (length < sizeof pid || offset > length - sizeof pid) return errno = EINVAL, failed(task, "netlink", comment);
    memcpy(messages + offset, &pid, sizeof pid);
  }
  int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (sock < 0) return failed(task, "netlink socket", comment);
  struct timeval patience = {.tv_sec = 10};
  setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent = sendto(sock, messages, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  int result = sent < 0 ? failed(task, "netlink send", comment)
                        : read_acks(task, sock, (uint32_t)op->field[1].number, comment);
  close(sock);
  return result;
}
