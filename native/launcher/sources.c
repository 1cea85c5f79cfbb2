/* Sources of binds: detached copies of a mount, made where the path means what the plan says. */
#include "launcher.h"

#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>

#define AT_RECURSIVE_FLAG 0x8000u

/** A copy of the mount at `source`; or of what `below` names beneath it, which may be in the hands of a container. */
static int copy_mount(struct task *task, const struct bind_source *from, bool recursive) {
  const char *source = from->path, *below = from->below;
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE_FLAG : 0);
  if (!*below) {
    int mount = (int)syscall(SYS_open_tree, AT_FDCWD, source, flags);
    return mount < 0 ? failed(task, "bind source", source) : mount;
  }
  int directory = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return failed(task, "bind source", source);
  int found = from->rooted ? open_rooted(directory, below) : open_beneath(directory, below);
  close(directory);
  if (found < 0) return errno = -found, failed(task, "beneath the bind source", below);
  int mount = (int)syscall(SYS_open_tree, found, "", flags | AT_EMPTY_PATH);
  int result = mount < 0 ? failed(task, "beneath the bind source", below) : mount;
  close(found);
  return result;
}

/**
 * As copy_mount, but in the mount namespace of a descriptor: the kernel copies only mounts of the namespace that one is in, and
 * lets a detached copy be attached in any. The way back is the child's own namespace, whose root is still the host's.
 */
static int copy_mount_from(struct task *task, const struct bind_source *from, bool recursive) {
  const char *source = from->path;
  uint64_t slot = from->slot;
  if (slot >= task->plan->fd_count) return errno = EBADF, failed(task, "setns for", source);
  int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (own < 0) return failed(task, "open", "/proc/self/ns/mnt");
  int mount;
  if (setns(FIRST_PLAN_FD + (int)slot, CLONE_NEWNS) < 0) {
    mount = failed(task, "setns for", source);
  } else {
    mount = copy_mount(task, from, recursive);
    if (setns(own, CLONE_NEWNS) < 0) {
      /* Whoever went on here would mount into another's namespace. */
      int error = failed(task, "setns back from", source);
      if (mount >= 0) close(mount);
      mount = error;
    }
  }
  close(own);
  return mount;
}

int open_source(struct task *task, const struct bind_source *from, bool recursive) {
  return from->slot == NO_SLOT ? copy_mount(task, from, recursive) : copy_mount_from(task, from, recursive);
}
