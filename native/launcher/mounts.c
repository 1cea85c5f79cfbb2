/* Mounts, and files made inside the root. Mounts are made detached and attached to a target that was resolved in the root. */
#include "launcher.h"

#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define DEV_NULL makedev(1, 3)
#define AT_RECURSIVE_FLAG 0x8000u
#define MNT_DETACH_FLAG 2

static bool is_same_file(int a, int b) {
  struct stat x, y;
  return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/** Attaches a detached mount to an open target inside the root. The root itself is no target. Closes both. */
static int attach_mount(struct task *task, int mount, int target, const char *path) {
  int result = 0;
  if (is_same_file(target, task->root)) {
    errno = EINVAL;
    result = failed(task, "a mount over the root at", path);
  } else if (syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    result = failed(task, "move_mount", path);
  }
  close(mount);
  close(target);
  return result;
}

static int set_attributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive) {
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE_FLAG : 0);
  return (int)syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes);
}

/** MS_REC marks the recursive forms. */
static int set_propagation(int mount, uint64_t propagation) {
  return set_attributes(mount, 0, 0, propagation & ~(uint64_t)MS_REC, propagation & MS_REC);
}

int op_root_propagation(struct task *task, const struct operation *op) {
  if (syscall(SYS_mount, "none", "/", NULL, op->field[0].number, NULL) < 0) return failed(task, "propagation of", "/");
  return 0;
}

int op_mount_overlay(struct task *task, const struct operation *op) {
  const char *directory = op->field[0].text, *target = op->field[1].text;
  if (chdir(directory) < 0) return failed(task, "chdir", directory);
  if (syscall(SYS_mount, "overlay", target, "overlay", 0, op->field[2].text) < 0)
    return failed(task, "mount overlay", target);
  return chdir("/") < 0 ? failed(task, "chdir", "/") : 0;
}

int op_mount_bind_root(struct task *task, const struct operation *op) {
  const char *source = op->field[0].text, *target = op->field[1].text;
  if (syscall(SYS_mount, source, target, NULL, MS_BIND | MS_REC, NULL) < 0) return failed(task, "bind", source);
  if (syscall(SYS_mount, NULL, target, NULL, MS_PRIVATE, NULL) < 0) return failed(task, "private", target);
  return 0;
}

/** Also a second time: places that are mounted on before the root itself have been one. */
int op_open_root(struct task *task, const struct operation *op) {
  if (task->root >= 0) close(task->root);
  task->root = open(op->field[0].text, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return task->root < 0 ? failed(task, "open", op->field[0].text) : 0;
}

static int configure(int fs, const char *source, const struct value *options) {
  if (*source && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", source, 0) < 0) return -errno;
  const char *cursor = list_begin(options);
  for (uint64_t i = 0; i < options->number; i++) {
    const char *option = list_next(&cursor), *equals = strchr(option, '=');
    char key[64];
    size_t length = equals ? (size_t)(equals - option) : 0;
    if (length >= sizeof key) return -EINVAL;
    memcpy(key, option, length);
    key[length] = 0;
    long done = equals ? syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, equals + 1, 0)
                       : syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0);
    if (done < 0) return -errno;
  }
  return syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

/** A detached mount of a new file system, or -errno with the kernel's own words in the detail. */
static int new_mount(struct task *task, const char *fstype, const char *source, const struct value *options, uint64_t attributes) {
  int fs = (int)syscall(SYS_fsopen, fstype, FSOPEN_CLOEXEC);
  if (fs < 0) return failed(task, "fsopen", fstype);
  int error = configure(fs, source, options), mount = -1;
  if (error == 0) {
    mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
    if (mount < 0) error = -errno;
  }
  if (error < 0) {
    char words[128];
    ssize_t length = read(fs, words, sizeof words - 1);
    words[length < 0 ? 0 : length] = 0;
    errno = -error;
    failed(task, fstype, words);
  }
  close(fs);
  return error < 0 ? error : mount;
}

int op_mount_fs(struct task *task, const struct operation *op) {
  const char *fstype = op->field[0].text, *path = op->field[2].text;
  int target;
  if (!strcmp(fstype, "proc") || !strcmp(fstype, "sysfs")) {
    /* Masks and sysctls trust these two, so an image may not lead them elsewhere (CVE-2019-19921). */
    target = open_in_root_no_symlinks(task, path, O_PATH);
    if (target == -ENOENT) target = open_in_root(task, path, MISSING_DIRECTORY);
  } else {
    target = open_in_root(task, path, MISSING_DIRECTORY);
  }
  if (target < 0) return errno = -target, failed(task, "mount target", path);
  int mount = new_mount(task, fstype, op->field[1].text, &op->field[3], op->field[4].number);
  if (mount < 0) {
    close(target);
    return mount;
  }
  return attach_mount(task, mount, target, path);
}

int op_mount_bind(struct task *task, const struct operation *op) {
  const char *source = op->field[0].text, *path = op->field[1].text;
  bool recursive = op->field[2].number;
  uint64_t set = op->field[3].number, clear = op->field[4].number, propagation = op->field[5].number;
  const struct bind_source from = {source, op->field[6].text, op->field[8].number, op->field[7].number};
  int mount = open_source(task, &from, recursive);
  if (mount < 0) return mount;
  struct stat kind;
  int error = fstat(mount, &kind) < 0 ? -errno : 0;
  if (error == 0 && (set || clear) && set_attributes(mount, set, clear, 0, recursive) < 0) error = -errno;
  if (error == 0 && propagation && set_propagation(mount, propagation) < 0) error = -errno;
  if (error < 0) {
    close(mount);
    return errno = -error, failed(task, "attributes of", source);
  }
  int target = open_in_root(task, path, S_ISDIR(kind.st_mode) ? MISSING_DIRECTORY : MISSING_FILE);
  if (target < 0) {
    close(mount);
    return errno = -target, failed(task, "mount target", path);
  }
  return attach_mount(task, mount, target, path);
}

/** A bind of the host's /dev/null, which must be the null device: else the mask would show a file (CVE-2025-31133). */
static int null_mount(struct task *task) {
  int mount = (int)syscall(SYS_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (mount < 0) return failed(task, "open_tree", "/dev/null");
  struct stat found;
  if (fstat(mount, &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == DEV_NULL) return mount;
  close(mount);
  errno = ENODEV;
  return failed(task, "not the null device:", "/dev/null");
}

int op_mask_path(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  int target = open_in_root(task, path, MISSING_FAILS);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return errno = -target, failed(task, "mask", path);
  struct stat found;
  bool directory = fstat(target, &found) == 0 && S_ISDIR(found.st_mode);
  const struct value none = {0, ""};
  const uint64_t sealed = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  int mount = directory ? new_mount(task, "tmpfs", "tmpfs", &none, sealed) : null_mount(task);
  if (mount < 0) {
    close(target);
    return mount;
  }
  return attach_mount(task, mount, target, path);
}

int op_readonly_path(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  int target = open_in_root(task, path, MISSING_FAILS);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return errno = -target, failed(task, "read-only", path);
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE_FLAG;
  int mount = (int)syscall(SYS_open_tree, target, "", flags);
  if (mount < 0 || set_attributes(mount, MOUNT_ATTR_RDONLY, 0, 0, true) < 0) {
    int error = failed(task, "read-only", path);
    if (mount >= 0) close(mount);
    close(target);
    return error;
  }
  return attach_mount(task, mount, target, path);
}

int op_make_dir(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text, *name;
  int parent = open_parent_in_root(task, path, &name);
  if (parent < 0) return errno = -parent, failed(task, "parent of", path);
  int result = 0;
  mode_t mode = (mode_t)op->field[1].number;
  if (mkdirat(parent, name, mode) == 0) {
    uid_t uid = (uid_t)op->field[2].number;
    gid_t gid = (gid_t)op->field[3].number;
    if ((uid || gid) && fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) result = failed(task, "chown", path);
  } else if (errno != EEXIST) {
    result = failed(task, "mkdir", path);
  }
  close(parent);
  return result;
}

/** A new file with its content. It never was anything else: a name that is there is EEXIST. */
int op_make_file(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text, *name, *bytes = op->field[1].text;
  int parent = open_parent_in_root(task, path, &name);
  if (parent < 0) return errno = -parent, failed(task, "parent of", path);
  int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  int result = fd < 0 ? failed(task, "create", path) : 0;
  for (size_t at = 0; result == 0 && at < op->field[1].number;) {
    ssize_t wrote = write(fd, bytes + at, op->field[1].number - at);
    if (wrote > 0) at += (size_t)wrote;
    else if (wrote == 0 || errno != EINTR) result = failed(task, "write", path);
  }
  uid_t uid = (uid_t)op->field[3].number;
  gid_t gid = (gid_t)op->field[4].number;
  if (result == 0 && (uid || gid) && fchown(fd, uid, gid) < 0) result = failed(task, "chown", path);
  if (result == 0 && fchmod(fd, (mode_t)op->field[2].number) < 0) result = failed(task, "chmod", path);
  if (fd >= 0) close(fd);
  close(parent);
  return result;
}

int op_make_symlink(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text, *name;
  int parent = open_parent_in_root(task, path, &name);
  if (parent < 0) return errno = -parent, failed(task, "parent of", path);
  int result = 0;
  if (symlinkat(op->field[1].text, parent, name) < 0 && errno != EEXIST) result = failed(task, "symlink", path);
  close(parent);
  return result;
}

static int make_node(int parent, const char *name, mode_t mode, dev_t device, uid_t uid, gid_t gid) {
  if (mknodat(parent, name, mode, device) == 0)
    return (uid || gid) && fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
  struct stat found;
  if (errno != EEXIST || fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  return (found.st_mode & S_IFMT) == (mode & S_IFMT) && found.st_rdev == device ? 0 : -EEXIST;
}

int op_make_node(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text, *name;
  int parent = open_parent_in_root(task, path, &name);
  if (parent < 0) return errno = -parent, failed(task, "parent of", path);
  mode_t mode = (mode_t)(op->field[1].number | op->field[4].number);
  dev_t device = makedev((unsigned)op->field[2].number, (unsigned)op->field[3].number);
  int error = make_node(parent, name, mode, device, (uid_t)op->field[5].number, (gid_t)op->field[6].number);
  close(parent);
  return error < 0 ? (errno = -error, failed(task, "mknod", path)) : 0;
}

/** The old root ends up under the new one and is detached there: no directory is needed for it, and nothing of it stays. */
int op_pivot_root(struct task *task, const struct operation *op) {
  if (task->root < 0) return -EBADF;
  if (fchdir(task->root) < 0) return failed(task, "fchdir", "to the root");
  if (syscall(SYS_pivot_root, ".", ".") < 0) return failed(task, "pivot_root", "");
  if (syscall(SYS_umount2, ".", MNT_DETACH_FLAG) < 0) return failed(task, "umount", "the old root");
  if (chdir("/") < 0) return failed(task, "chdir", "/");
  close(task->root);
  task->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (task->root < 0) return failed(task, "open", "/");
  if (op->field[0].number && set_propagation(task->root, op->field[0].number) < 0)
    return failed(task, "propagation of", "the root");
  return 0;
}

int op_root_attributes(struct task *task, const struct operation *op) {
  if (set_attributes(task->root, op->field[0].number, op->field[1].number, 0, false) < 0)
    return failed(task, "attributes of", "the root");
  return 0;
}

int op_mount_attributes(struct task *task, const struct operation *op) {
  const char *path = op->field[0].text;
  int target = open_in_root(task, path, MISSING_FAILS);
  if (target < 0) return errno = -target, failed(task, "open", path);
  int result = 0;
  if (set_attributes(target, op->field[1].number, op->field[2].number, 0, false) < 0)
    result = failed(task, "attributes of", path);
  close(target);
  return result;
}
