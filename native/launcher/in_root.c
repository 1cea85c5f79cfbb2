/*
 * Paths inside the root. The image is hostile: every component may be a symlink to anywhere, and a volume shared with another
 * container may change while we look. So the kernel resolves (openat2 RESOLVE_IN_ROOT), and we only ever act on descriptors.
 */
#include "launcher.h"

#include <linux/limits.h>
#include <linux/openat2.h>

#define MAX_LINKS 40
#define MAX_RETRIES 64 /* openat2 answers EAGAIN while a rename disturbs `..` */

static int resolve(int root, const char *path, uint64_t flags, uint64_t rules) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = rules | RESOLVE_NO_MAGICLINKS};
  for (int i = 0; i < MAX_RETRIES; i++) {
    long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd >= 0) return (int)fd;
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
  return -EAGAIN;
}

int open_in_root_no_symlinks(struct task *task, const char *path, uint64_t flags) {
  return resolve(task->root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int open_beneath(int directory, const char *path) { return resolve(directory, path, O_PATH, RESOLVE_BENEATH); }

int open_rooted(int directory, const char *path) { return resolve(directory, path, O_PATH, RESOLVE_IN_ROOT); }

/** A missing component that is a dangling symlink: `path` becomes what it points to, followed by the rest. */
static int follow_link(int parent, char *path, size_t name_at, size_t name_end) {
  char target[PATH_MAX], rest[PATH_MAX];
  char saved = path[name_end];
  path[name_end] = 0;
  ssize_t length = readlinkat(parent, path + name_at, target, sizeof target - 1);
  path[name_end] = saved;
  if (length < 0) return errno == EINVAL ? 0 : -errno; /* somebody else made it meanwhile: look again */
  target[length] = 0;
  size_t rest_length = strlen(path + name_end), keep = target[0] == '/' ? 0 : name_at;
  if (keep + (size_t)length + rest_length >= PATH_MAX) return -ENAMETOOLONG;
  memcpy(rest, path + name_end, rest_length + 1);
  memcpy(path + keep, target, (size_t)length);
  memcpy(path + keep + length, rest, rest_length + 1);
  return 0;
}

static int make_one(int parent, const char *name, enum missing missing) {
  if (missing == MISSING_DIRECTORY) return mkdirat(parent, name, 0755) < 0 ? -errno : 0;
  int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return -errno;
  close(fd);
  return 0;
}

/** Walks `path` once, making what is missing. PATH_REWRITTEN: it met a dangling link and put its target in; walk again. */
#define PATH_REWRITTEN 1
static int walk_and_make(struct task *task, char *path, enum missing missing, int *result) {
  int parent = fcntl(task->root, F_DUPFD_CLOEXEC, 3);
  if (parent < 0) return -errno;
  size_t at = 0;
  for (;;) {
    while (path[at] == '/') at++;
    if (path[at] == 0) {
      *result = parent;
      return 0;
    }
    size_t end = at + strcspn(path + at, "/");
    bool last = path[end + strspn(path + end, "/")] == 0;
    char saved = path[end];
    path[end] = 0;
    int next = resolve(task->root, path, O_PATH, RESOLVE_IN_ROOT);
    int error = 0;
    if (next == -ENOENT) {
      error = make_one(parent, path + at, last ? missing : MISSING_DIRECTORY);
      if (error == 0) next = resolve(task->root, path, O_PATH, RESOLVE_IN_ROOT);
    }
    path[end] = saved;
    if (error == -EEXIST) {
      error = follow_link(parent, path, at, end);
      close(parent);
      return error < 0 ? error : PATH_REWRITTEN;
    }
    close(parent);
    if (error < 0) return error;
    if (next < 0) return next;
    parent = next;
    at = end;
  }
}

int open_in_root(struct task *task, const char *path, enum missing missing) {
  if (task->root < 0) return -EBADF;
  int fd = resolve(task->root, path, O_PATH, RESOLVE_IN_ROOT);
  if (fd != -ENOENT || missing == MISSING_FAILS) return fd;
  char buffer[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof buffer) return -ENAMETOOLONG;
  memcpy(buffer, path, length + 1);
  for (int links = 0; links < MAX_LINKS; links++) {
    int status = walk_and_make(task, buffer, missing, &fd);
    if (status < 0) return status;
    if (status == 0) return fd;
  }
  return -ELOOP;
}

int open_parent_in_root(struct task *task, const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  char directory[PATH_MAX];
  size_t length = slash ? (size_t)(slash - path) : 0;
  *name = slash ? slash + 1 : path;
  if (length >= sizeof directory - 1) return -ENAMETOOLONG;
  if (**name == 0 || !strcmp(*name, ".") || !strcmp(*name, "..")) return -EINVAL;
  memcpy(directory, path, length);
  directory[length] = 0;
  if (length == 0) memcpy(directory, "/", 2);
  return open_in_root(task, directory, MISSING_DIRECTORY);
}
