/*
 * What attackers' tools look for, from inside of a container. Static, without arguments of its own but a command:
 *
 *   audit                  prints `FINDING <text>` for everything that leads out, and `FACT <key> <value>`
 *   overwrite <ms>         writes to the executable of every process that it can see, as CVE-2019-5736 does; prints what it could do
 *   swap <a> <b> <ms>      exchanges two names as fast as it can (RENAME_EXCHANGE); prints how often
 *   reach <pid>            ptrace, process_vm_readv, pidfd_open and kill of a process: prints their errnos
 *   zombies <count>        leaves so many dead children unreaped, says `ready`, sleeps
 *   eat <megabytes>        takes so much memory
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 200
#define COUNT(list) (sizeof(list) / sizeof *(list))

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- audit: capabilities and system calls ---------------------------------------------------------------------------- */

static void audit_status(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256], key[64], value[128];
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%63[^:]: %127s", key, value) != 2) continue;
    if (!strncmp(key, "Cap", 3) || !strcmp(key, "Seccomp") || !strcmp(key, "NoNewPrivs")) printf("FACT %s %s\n", key, value);
  }
  if (file) fclose(file);
}

static void audit_namespaces(void) {
  static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"};
  for (size_t i = 0; i < COUNT(names); i++) {
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    if (readlink(path, target, sizeof target - 1) > 0) printf("FACT ns-%s %s\n", names[i], target);
  }
}

struct call {
  const char *name;
  long number, a, b, c;
};

/* Arguments are such that the kernel, if it is ever reached, answers with another error than EPERM or ENOSYS and does nothing. */
static const struct call forbidden[] = {
    {"mount", SYS_mount, 0, 0, 0},
    {"umount2", SYS_umount2, 0, 0, 0},
    {"pivot_root", SYS_pivot_root, 0, 0, 0},
    {"open_tree", SYS_open_tree, -1, 0, 1},
    {"move_mount", SYS_move_mount, -1, 0, -1},
    {"fsopen", SYS_fsopen, 0, 0, 0},
    {"fsconfig", SYS_fsconfig, -1, 0, 0},
    {"fsmount", SYS_fsmount, -1, 0, 0},
    {"mount_setattr", SYS_mount_setattr, -1, 0, 0},
    {"unshare(NEWUSER)", SYS_unshare, CLONE_NEWUSER, 0, 0},
    {"unshare(NEWNS)", SYS_unshare, CLONE_NEWNS, 0, 0},
    {"clone(NEWUSER)", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0},
    {"clone3", SYS_clone3, 0, 0, 0},
    {"setns", SYS_setns, -1, 0, 0},
    {"bpf", SYS_bpf, -1, 0, 0},
    {"perf_event_open", SYS_perf_event_open, 0, 0, 0},
    {"io_uring_setup", SYS_io_uring_setup, 0, 0, 0},
    {"userfaultfd", SYS_userfaultfd, -1, 0, 0},
    {"add_key", SYS_add_key, 0, 0, 0},
    {"keyctl", SYS_keyctl, 0, 0, 0},
    {"request_key", SYS_request_key, 0, 0, 0},
    {"init_module", SYS_init_module, 0, 0, 0},
    {"finit_module", SYS_finit_module, -1, 0, 0},
    {"delete_module", SYS_delete_module, 0, 0, 0},
    {"kexec_load", SYS_kexec_load, 0, -1, 0},
    {"reboot", SYS_reboot, 0, 0, 0},
    {"swapon", SYS_swapon, 0, 0, 0},
    {"swapoff", SYS_swapoff, 0, 0, 0},
    {"acct", SYS_acct, 1, 0, 0},
    {"quotactl", SYS_quotactl, -1, 0, 0},
    {"settimeofday", SYS_settimeofday, 1, 0, 0},
    {"clock_settime", SYS_clock_settime, 0, 1, 0},
    {"syslog", SYS_syslog, 99, 0, 0},
    {"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0},
    {"fanotify_init", SYS_fanotify_init, -1, 0, 0},
    {"sethostname", SYS_sethostname, 0, -1, 0},
    {"setdomainname", SYS_setdomainname, 0, -1, 0},
    {"kcmp", SYS_kcmp, 1, 1, 99},
#ifdef __x86_64__
    {"iopl", SYS_iopl, 9, 0, 0},
    {"ioperm", SYS_ioperm, -1, 0, 0},
#endif
};

static void audit_calls(void) {
  for (size_t i = 0; i < COUNT(forbidden); i++) {
    const struct call *call = &forbidden[i];
    errno = 0;
    long result = syscall(call->number, call->a, call->b, call->c, 0, 0, 0);
    if (result == 0 && call->number == SYS_clone) _exit(0);
    if (result >= 0) printf("FINDING system call %s succeeds\n", call->name);
    else if (errno != EPERM && errno != ENOSYS) printf("FINDING system call %s reaches the kernel: %s\n", call->name, strerror(errno));
  }
}

/** How many of the first 512 numbers come back with EPERM or ENOSYS, each tried in a process of its own with zero arguments. */
static void audit_sweep(void) {
  int refused = 0;
  for (long number = 0; number < 512; number++) {
    int out[2];
    if (pipe(out) < 0) return;
    pid_t child = fork();
    if (child == 0) {
      long result = syscall(number, 0, 0, 0, 0, 0, 0);
      int error = result < 0 ? errno : 0;
      if (write(out[1], &error, sizeof error) < 0) _exit(1);
      _exit(0);
    }
    close(out[1]);
    struct pollfd end = {.fd = out[0], .events = POLLIN};
    int error = 0;
    if (poll(&end, 1, PATIENCE_MS) == 1 && read(out[0], &error, sizeof error) == sizeof error && (error == EPERM || error == ENOSYS)) refused++;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(out[0]);
  }
  printf("FACT refused-calls %d\n", refused);
}

/* --- audit: files ------------------------------------------------------------------------------------------------------ */

static int writable_count;

static int is_own(const char *path) {
  /* Entries of a container's own processes belong to it. */
  return !strncmp(path, "/proc/self", 10) || !strncmp(path, "/proc/thread-self", 17) || (!strncmp(path, "/proc/", 6) && path[6] >= '0' && path[6] <= '9');
}

static int visit_special(const char *path, const struct stat *found, int type, struct FTW *position) {
  (void)position;
  /* Whoever may open /proc/pressure asks to be woken under load; the kernel bounds that, and Docker leaves it open too. */
  if (is_own(path) || !strcmp(path, "/proc/pressure")) return FTW_SKIP_SUBTREE;
  /* Files without a bit for writing open all the same, for CAP_DAC_OVERRIDE; there is nothing behind it that could be written. */
  if (type == FTW_F && S_ISREG(found->st_mode) && (found->st_mode & 0222)) {
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
      if (writable_count++ < 20) printf("FINDING %s opens for writing\n", path);
      close(fd);
    }
  }
  return FTW_CONTINUE;
}

static int visit_root(const char *path, const struct stat *found, int type, struct FTW *position) {
  (void)position;
  if (!strcmp(path, "/proc") || !strcmp(path, "/sys")) return FTW_SKIP_SUBTREE;
  if (type == FTW_NS) return FTW_CONTINUE;
  if (S_ISSOCK(found->st_mode)) printf("FINDING a socket of somebody's: %s\n", path);
  if (S_ISBLK(found->st_mode)) printf("FINDING a block device: %s\n", path);
  return FTW_CONTINUE;
}

/** Every mount but the container's own directories is read-only. */
static void audit_mounts(void) {
  static const char *const own[] = {"/", "/dev", "/dev/shm", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
  FILE *file = fopen("/proc/self/mountinfo", "r");
  char line[4096], path[1024], options[256], type[64];
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%*d %*d %*s %*s %1023s %255s", path, options) != 2) continue;
    const char *dash = strstr(line, " - ");
    if (!dash || sscanf(dash, " - %63s", type) != 1) continue;
    printf("FACT mount %s:%s:%.2s\n", path, type, options);
    if (!strncmp(path, "/proc", 5) || !strncmp(path, "/sys", 4)) continue;
    int known = 0;
    for (size_t i = 0; i < COUNT(own); i++) known |= !strcmp(path, own[i]);
    char made[1100];
    snprintf(made, sizeof made, "%s/.probe", path);
    int fd = open(made, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) continue;
    close(fd);
    unlink(made);
    if (!known && strcmp(type, "mqueue")) printf("FINDING a writable mount: %s (%s)\n", path, type);
  }
  if (file) fclose(file);
}

static void audit_devices(void) {
  static const struct {
    const char *name;
    mode_t type;
    unsigned major, minor;
  } devices[] = {
      {"loop0", S_IFBLK, 7, 0}, {"sda", S_IFBLK, 8, 0},     {"dm-0", S_IFBLK, 253, 0}, {"vda", S_IFBLK, 254, 0},
      {"nvme", S_IFBLK, 259, 0}, {"mem", S_IFCHR, 1, 1},    {"port", S_IFCHR, 1, 4},   {"kmsg", S_IFCHR, 1, 11},
      {"fuse", S_IFCHR, 10, 229}, {"kvm", S_IFCHR, 10, 232}, {"tun", S_IFCHR, 10, 200}, {"tty1", S_IFCHR, 4, 1},
  };
  for (size_t i = 0; i < COUNT(devices); i++) {
    const char *path = "/.probe-device";
    unlink(path);
    if (mknod(path, devices[i].type | 0600, makedev(devices[i].major, devices[i].minor)) < 0) continue;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) close(fd);
    if (fd >= 0 || errno != EPERM) printf("FINDING device %s: %s\n", devices[i].name, fd >= 0 ? "opens" : strerror(errno));
    unlink(path);
  }
}

static void audit_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd <= 2 || fd == dirfd(folder)) continue;
    printf("FINDING an open descriptor %d\n", fd);
  }
  if (folder) closedir(folder);
}

/** Abstract sockets have no owner and no mode: whoever shares the network namespace may connect (CVE-2020-15257). */
static void audit_unix_sockets(void) {
  FILE *file = fopen("/proc/net/unix", "r");
  char line[512];
  int lines = 0;
  while (file && fgets(line, sizeof line, file))
    if (lines++ > 0) printf("FINDING a unix socket: %s", line);
  if (file) fclose(file);
}

static void audit_network(void) {
  static const int families[] = {38 /* AF_ALG */, 40 /* AF_VSOCK */};
  for (size_t i = 0; i < COUNT(families); i++) {
    long fd = syscall(SYS_socket, families[i], 5, 0);
    if (fd >= 0 || errno != EPERM) printf("FINDING socket family %d: %s\n", families[i], fd >= 0 ? "opens" : strerror(errno));
  }
}

static void audit(void) {
  audit_descriptors();
  audit_status();
  audit_namespaces();
  audit_calls();
  audit_mounts();
  audit_devices();
  audit_unix_sockets();
  audit_network();
  nftw("/", visit_root, 16, FTW_PHYS | FTW_ACTIONRETVAL);
  nftw("/proc", visit_special, 16, FTW_PHYS | FTW_ACTIONRETVAL);
  nftw("/sys", visit_special, 16, FTW_PHYS | FTW_ACTIONRETVAL);
  audit_sweep();
  printf("FACT audit done\n");
}

/* --- overwrite ----------------------------------------------------------------------------------------------------------- */

static const char payload[] = "#!/bin/sh\n: overwritten by a container\n";

/** Everything that could change an executable that we have open for reading. Counts what succeeded. */
static int spoil(int fd) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int done = 0, writer = open(link, O_WRONLY | O_CLOEXEC);
  if (writer >= 0) {
    done += write(writer, payload, sizeof payload) > 0;
    close(writer);
  }
  writer = open(link, O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (writer >= 0) {
    done++;
    close(writer);
  }
  done += truncate(link, 0) == 0;
  done += write(fd, payload, sizeof payload) > 0;
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) {
    done++;
    munmap(memory, 4096);
  }
  return done;
}

/** Launchers that pass through a container's pid namespace on their way to execve are seen for microseconds only: look often. */
static void overwrite(long milliseconds) {
  long end = now_ms() + milliseconds;
  int seen = 0, opened = 0, spoiled = 0;
  int others[256], count = 0;
  while (now_ms() < end) {
    for (int pid = 2; pid < 400; pid++) {
      char path[64], target[256] = "";
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      ssize_t length = readlink(path, target, sizeof target - 1);
      if (pid == getpid() || (length < 0 && errno == ENOENT)) continue;
      seen++;
      int fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      struct stat found;
      /* The container's own programs may be overwritten by the container; what came from outside is what matters. */
      if (fstat(fd, &found) == 0 && strstr(target, "memfd:")) {
        opened++;
        if (count < 256) {
          others[count++] = fd;
          continue;
        }
      }
      close(fd);
    }
    for (int i = 0; i < count; i++) spoiled += spoil(others[i]);
    if (count > 200) {
      while (count > 0) close(others[--count]);
    }
  }
  for (int i = 0; i < count; i++) spoiled += spoil(others[i]);
  printf("seen %d opened %d spoiled %d\n", seen, opened, spoiled);
}

/* --- small ones ------------------------------------------------------------------------------------------------------------ */

static void swap(const char *a, const char *b, long milliseconds) {
  long end = now_ms() + milliseconds, swaps = 0;
  printf("ready\n");
  fflush(stdout);
  while (now_ms() < end)
    for (int i = 0; i < 64; i++) swaps += renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
  printf("swaps %ld\n", swaps);
}

static void reach(pid_t pid) {
  char byte;
  struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
  long result = ptrace(PTRACE_ATTACH, pid, NULL, NULL);
  printf("ptrace %d ", result < 0 ? errno : 0);
  result = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  printf("process_vm_readv %d ", result < 0 ? errno : 0);
  result = syscall(SYS_pidfd_open, pid, 0);
  printf("pidfd_open %d ", result < 0 ? errno : 0);
  result = kill(pid, 0);
  printf("kill %d\n", result < 0 ? errno : 0);
}

static void zombies(int count) {
  int made = 0;
  for (int i = 0; i < count; i++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0) break;
    made++;
  }
  printf("ready %d\n", made);
  fflush(stdout);
  for (;;) pause();
}

static void eat(long megabytes) {
  for (long i = 0; i < megabytes; i++) {
    char *memory = malloc(1 << 20);
    if (!memory) break;
    memset(memory, (int)i, 1 << 20);
  }
  printf("full\n");
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "audit";
  if (!strcmp(command, "audit")) {
    setvbuf(stdout, NULL, _IOLBF, 4096);
    audit();
  } else if (!strcmp(command, "overwrite") && argc == 3) {
    overwrite(atol(argv[2]));
  } else if (!strcmp(command, "swap") && argc == 5) {
    swap(argv[2], argv[3], atol(argv[4]));
  } else if (!strcmp(command, "reach") && argc == 3) {
    reach((pid_t)atoi(argv[2]));
  } else if (!strcmp(command, "zombies") && argc == 3) {
    zombies(atoi(argv[2]));
  } else if (!strcmp(command, "eat") && argc == 3) {
    eat(atol(argv[2]));
  } else {
    fprintf(stderr, "probe: unknown command\n");
    return 2;
  }
  return 0;
}
