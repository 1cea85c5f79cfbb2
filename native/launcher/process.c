/* Operations on the process itself: names, limits, terminal, credentials, seccomp, working directory, exec. */
#include "launcher.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define LAST_CAPABILITY 63
#define JOIN_SESSION_KEYRING 1
#define DEFAULT_UMASK 022

int op_setns(struct task *task, const struct operation *op) {
  uint64_t slot = op->field[0].number;
  if (slot >= task->plan->fd_count) return errno = EBADF, failed(task, "setns", "");
  if (setns(FIRST_PLAN_FD + (int)slot, (int)op->field[1].number) < 0) return failed(task, "setns", "");
  if (op->field[1].number & CLONE_NEWNS) {
    task->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (task->root < 0) return failed(task, "open", "/");
  }
  return 0;
}

int op_unshare(struct task *task, const struct operation *op) {
  return unshare((int)op->field[0].number) < 0 ? failed(task, "unshare", "") : 0;
}

int op_session_keyring(struct task *task, const struct operation *op) {
  if (syscall(SYS_keyctl, JOIN_SESSION_KEYRING, op->field[0].text) < 0 && errno != ENOSYS)
    return failed(task, "session keyring", "");
  return 0;
}

int op_hostname(struct task *task, const struct operation *op) {
  return sethostname(op->field[0].text, op->field[0].number) < 0 ? failed(task, "sethostname", op->field[0].text) : 0;
}

int op_domainname(struct task *task, const struct operation *op) {
  return setdomainname(op->field[0].text, op->field[0].number) < 0 ? failed(task, "setdomainname", op->field[0].text) : 0;
}

/** Opens a file of procfs in the child's view, without following any symlink on the way. */
static int open_proc_file(struct task *task, const char *path) {
  if (task->root < 0) return open_checked_procfs(AT_FDCWD, path, O_WRONLY);
  int file = open_in_root_no_symlinks(task, path, O_WRONLY);
  struct statfs fs;
  if (file >= 0 && (fstatfs(file, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)) {
    close(file);
    return -EXDEV;
  }
  return file;
}

static int write_proc_file(struct task *task, const char *path, const char *bytes, size_t length) {
  int file = open_proc_file(task, path);
  if (file < 0) return errno = -file, failed(task, "open", path);
  int error = write_whole(file, bytes, length);
  close(file);
  return error < 0 ? (errno = -error, failed(task, "write", path)) : 0;
}

int op_sysctl(struct task *task, const struct operation *op) {
  char path[256] = "/proc/sys/";
  append(path, sizeof path, op->field[0].text);
  if (!strchr(op->field[0].text, '/')) {
    for (char *dot = path; (dot = strchr(dot, '.')); ) *dot = '/';
  }
  return write_proc_file(task, path, op->field[1].text, op->field[1].number);
}

int op_rlimit(struct task *task, const struct operation *op) {
  uint64_t limit[2] = {op->field[1].number, op->field[2].number};
  if (syscall(SYS_prlimit64, 0, (int)op->field[0].number, limit, NULL) < 0) return failed(task, "setrlimit", "");
  return 0;
}

/** Before the child's own /proc is mounted the path leads to the host's, where `self` is the child as well. */
int op_oom_score_adj(struct task *task, const struct operation *op) {
  char digits[21] = "-";
  int32_t value = (int32_t)op->field[0].number;
  size_t sign = value < 0, length = sign + format_decimal(digits + sign, (uint64_t)(value < 0 ? -(int64_t)value : value));
  int file = open_checked_procfs(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY);
  if (file < 0) return errno = -file, failed(task, "open", "/proc/self/oom_score_adj");
  int error = write_whole(file, digits, length);
  close(file);
  return error < 0 ? (errno = -error, failed(task, "write", "/proc/self/oom_score_adj")) : 0;
}

/** The multiplexer of the container's own devpts; anything else in its place is refused (CVE-2025-52565). */
static int open_terminal_master(struct task *task) {
  int root = task->root >= 0 ? task->root : AT_FDCWD;
  struct open_how how = {.flags = O_RDWR | O_NOCTTY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  int master = (int)syscall(SYS_openat2, root, root == AT_FDCWD ? "/dev/pts/ptmx" : "dev/pts/ptmx", &how, sizeof how);
  if (master < 0) return failed(task, "open", "/dev/pts/ptmx");
  struct stat found;
  struct statfs fs;
  if (fstat(master, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == makedev(5, 2) &&
      fstatfs(master, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC)
    return master;
  close(master);
  errno = ENODEV;
  return failed(task, "not a terminal multiplexer:", "/dev/pts/ptmx");
}

static int send_terminal(struct task *task, int master) {
  struct child_report report = {.message = CHILD_TERMINAL};
  struct iovec part = {&report, sizeof report};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {{0}};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &master, sizeof master);
  return sendmsg(task->control, &message, MSG_NOSIGNAL) < 0 ? failed(task, "handing over the terminal", "") : 0;
}

/** /dev/console is the terminal itself, bound by descriptor: no path under /dev/pts is looked up. */
static int bind_console(struct task *task, int slave) {
  int target = open_in_root(task, "/dev/console", MISSING_FILE);
  if (target < 0) return errno = -target, failed(task, "open", "/dev/console");
  int mount = (int)syscall(SYS_open_tree, slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  int result = 0;
  if (mount < 0) result = failed(task, "open_tree", "the terminal");
  else if (syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    result = failed(task, "bind", "/dev/console");
  if (mount >= 0) close(mount);
  close(target);
  return result;
}

static int use_terminal(struct task *task, int slave, const struct operation *op) {
  struct winsize size = {.ws_row = (uint16_t)op->field[0].number, .ws_col = (uint16_t)op->field[1].number};
  if (size.ws_row && size.ws_col && ioctl(slave, TIOCSWINSZ, &size) < 0) return failed(task, "window size", "");
  if (fchown(slave, (uid_t)op->field[3].number, (gid_t)-1) < 0) return failed(task, "chown", "the terminal");
  if (op->field[2].number) {
    int result = bind_console(task, slave);
    if (result < 0) return result;
  }
  setsid(); /* fails if it leads a session already, which is as good */
  if (ioctl(slave, TIOCSCTTY, 0) < 0) return failed(task, "controlling terminal", "");
  for (int fd = 0; fd < 3; fd++)
    if (dup2(slave, fd) < 0) return failed(task, "dup2", "the terminal");
  return 0;
}

int op_terminal(struct task *task, const struct operation *op) {
  int master = open_terminal_master(task), unlock = 0;
  if (master < 0) return master;
  int result = 0, slave = -1;
  if (ioctl(master, TIOCSPTLCK, &unlock) < 0) result = failed(task, "unlock", "the terminal");
  else if ((slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) result = failed(task, "open", "the terminal");
  if (result == 0) result = use_terminal(task, slave, op);
  if (result == 0) result = send_terminal(task, master);
  if (slave >= 0) close(slave);
  close(master);
  return result;
}

int op_no_new_privileges(struct task *task, const struct operation *op) {
  (void)op;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? failed(task, "no_new_privs", "") : 0;
}

/** The filter may forbid what we need for the report, so the launcher hears of the exec before it. */
int op_seccomp(struct task *task, const struct operation *op) {
  struct sock_fprog program = {
      .len = (unsigned short)(op->field[0].number / sizeof(struct sock_filter)),
      .filter = (struct sock_filter *)(uintptr_t)op->field[0].text,
  };
  if (op->field[0].number / sizeof(struct sock_filter) > BPF_MAXINSNS) return errno = E2BIG, failed(task, "seccomp", "");
  child_announce(task);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)op->field[1].number, &program) < 0)
    return failed(task, "seccomp", "");
  return 0;
}

static int set_capabilities(struct task *task, uint64_t permitted, uint64_t effective, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
  };
  return syscall(SYS_capset, &header, data) < 0 ? failed(task, "capset", "") : 0;
}

/** What is asked for beyond what we have is left out, as the kernel would refuse all of it. */
static uint64_t own_permitted(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  syscall(SYS_capget, &header, data);
  return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

static int apply_capabilities(struct task *task) {
  task->has_capabilities = false;
  uint64_t own = own_permitted(), permitted = task->capabilities[0] & own, ambient = task->capabilities[3];
  int result = set_capabilities(task, permitted, task->capabilities[1] & permitted, task->capabilities[2] & own);
  if (result < 0) return result;
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; capability <= LAST_CAPABILITY; capability++)
    if (ambient >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
      return failed(task, "ambient capability", "");
  die_with_parent(task);
  return 0;
}

int op_capabilities(struct task *task, const struct operation *op) {
  for (int capability = 0; capability <= LAST_CAPABILITY; capability++) {
    if (op->field[0].number >> capability & 1 || prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return failed(task, "bounding capabilities", "");
  }
  for (int set = 0; set < 4; set++) task->capabilities[set] = op->field[1 + set].number;
  task->has_capabilities = true;
  return task->has_credentials ? apply_capabilities(task) : 0;
}

/** Pipes are given to the user, so that /dev/stdout can be opened again; /dev/null is the host's and is left alone. */
static void give_stdio(uid_t uid) {
  struct stat found;
  for (int fd = 0; fd < 3; fd++)
    if (fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode) && fchown(fd, uid, (gid_t)-1) < 0) continue;
}

int op_credentials(struct task *task, const struct operation *op) {
  uid_t uid = (uid_t)op->field[0].number;
  gid_t gid = (gid_t)op->field[1].number;
  size_t count = op->field[2].number / sizeof(gid_t);
  gid_t *groups = map_memory((count + 1) * sizeof(gid_t));
  if (!groups) return -ENOMEM;
  memcpy(groups, op->field[2].text, count * sizeof(gid_t));
  give_stdio(uid);
  uint64_t before = own_permitted();
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return failed(task, "keep capabilities", "");
  if (syscall(SYS_setgroups, count, groups) < 0) return failed(task, "setgroups", "");
  if (syscall(SYS_setresgid, gid, gid, gid) < 0) return failed(task, "setgid", "");
  if (syscall(SYS_setresuid, uid, uid, uid) < 0) return failed(task, "setuid", "");
  prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  umask((mode_t)op->field[3].number);
  task->has_credentials = true;
  die_with_parent(task);
  if (task->has_capabilities) return apply_capabilities(task);
  /* A `capabilities` that follows needs CAP_SETPCAP in effect; exec takes what is left from a user who is not root. */
  return uid == 0 ? 0 : set_capabilities(task, before & own_permitted(), before & own_permitted(), 0);
}

/** The directory is opened without following /proc/self/fd and the like, and must be below the root (CVE-2024-21626). */
int op_chdir(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  int directory;
  if (task->root >= 0) {
    directory = open_in_root(task, path, op->field[1].number ? MISSING_DIRECTORY : MISSING_FAILS);
  } else {
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    directory = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (directory < 0) directory = -errno;
  }
  if (directory < 0) return errno = -directory, failed(task, "chdir", path);
  int moved = fchdir(directory);
  close(directory);
  if (moved < 0) return failed(task, "chdir", path);
  char now[PATH_MAX];
  if (syscall(SYS_getcwd, now, sizeof now) < 0) return failed(task, "getcwd", path);
  if (now[0] != '/') return errno = EXDEV, failed(task, "outside of the root:", path);
  return 0;
}

/** /dev/null of the host, left from the start, becomes the container's own: nothing of the host stays open. */
static void reopen_null(void) {
  struct stat found, own;
  int null = -1;
  for (int fd = 0; fd < 3; fd++) {
    if (fstat(fd, &found) < 0 || !S_ISCHR(found.st_mode) || found.st_rdev != makedev(1, 3)) continue;
    if (null < 0) null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (null >= 0 && fstat(null, &own) == 0 && S_ISCHR(own.st_mode) && own.st_rdev == makedev(1, 3)) dup2(null, fd);
  }
}

/** As Go's exec.LookPath: the first entry of PATH with an executable regular file of that name. */
static int look_up(const char *name, const char *search, char out[PATH_MAX]) {
  while (search && *search) {
    size_t length = strcspn(search, ":");
    if (length > 0 && search[0] == '/' && length + strlen(name) + 2 <= PATH_MAX) {
      memcpy(out, search, length);
      out[length] = 0;
      append(out, PATH_MAX, "/");
      append(out, PATH_MAX, name);
      struct stat found;
      if (stat(out, &found) == 0 && !S_ISDIR(found.st_mode) && (found.st_mode & 0111)) return 0;
    }
    search += length + (search[length] == ':');
  }
  errno = ENOENT;
  return -1;
}

static char **as_vector(const struct value *list) {
  char **vector = map_memory((list->number + 1) * sizeof *vector);
  const char *cursor = list_begin(list);
  for (uint64_t i = 0; vector && i < list->number; i++) vector[i] = (char *)(uintptr_t)list_next(&cursor);
  return vector;
}

/** The detail tells apart `lookup` (not in PATH), `stat` (no such file) and `exec` (the kernel refused it). */
int op_exec(struct task *task, const struct operation *op) {
  char **argv = as_vector(&op->field[0]), **env = as_vector(&op->field[1]);
  if (!argv || !env) return -ENOMEM;
  if (!argv[0] || !argv[0][0]) return errno = ENOENT, failed(task, "lookup", "");
  if (task->has_capabilities && apply_capabilities(task) < 0) return -EPERM;
  if (!task->has_credentials) umask(DEFAULT_UMASK);
  char found[PATH_MAX];
  const char *program = argv[0];
  if (!strchr(program, '/')) {
    const char *search = NULL;
    for (char **variable = env; *variable; variable++)
      if (!strncmp(*variable, "PATH=", 5)) search = *variable + 5;
    if (look_up(program, search, found) < 0) return failed(task, "lookup", program);
    program = found;
  }
  struct stat kind;
  if (stat(program, &kind) < 0) return failed(task, "stat", program);
  if (S_ISDIR(kind.st_mode)) return errno = EISDIR, failed(task, "stat", program);
  if (!(kind.st_mode & 0111)) return errno = EACCES, failed(task, "stat", program);
  reopen_null();
  if (syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) < 0) return failed(task, "close_range", "");
  child_announce(task);
  prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  execve(program, argv, env);
  return failed(task, "exec", program);
}
