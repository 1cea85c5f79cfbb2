/*
 * The launcher: executes a launch plan, then supervises the task it started. It holds no policy; every decision is in the plan
 * (src/runtime/plan/launch-plan.ts). One process per task, single-threaded, no heap: buffers are mapped when first needed, so an
 * idle launcher holds little memory.
 */
#ifndef GANTRY_LAUNCHER_H
#define GANTRY_LAUNCHER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- plan.c: the plan as bytes ---------------------------------------------------------------------------------------------- */

enum stage { PREPARE, CLONE, ATTEND, ENTER, CLEANUP };

#define MAX_FIELDS 9
#define MAX_PLAN_BYTES (8u << 20)
#define NO_OPERATION 0xffffffffu

/** One decoded field: a number, or bytes (`text` is NUL-terminated for strings), or a list of `number` strings. */
struct value {
  uint64_t number; /* the number; the length in bytes; the count of a list */
  const char *text;
};

struct operation {
  uint32_t index;
  uint32_t code;
  enum stage stage;
  struct value field[MAX_FIELDS];
};

struct cursor {
  const uint8_t *at, *end;
  bool broken; /* something did not fit; every later read yields zero */
};

struct plan {
  const char *exit_record, *log_path, *memory_cgroup;
  uint64_t log_max_bytes;
  uint32_t log_max_files;
  bool tty, keep_stdin, stdin_once, abandon_output;
  uint32_t memory_cgroup_version;
  uint32_t awaited_clients; /* connections that the daemon opened before it started us */
  uint32_t fd_count;
  uint32_t operation_count;
  struct cursor operations;
};

/** Reads and checks the whole plan from `fd`: every length, code, stage and field. Returns 0 or -errno. */
int plan_read(int fd, struct plan *plan);
/** The next operation after `cursor`, which starts as `plan->operations`. False at the end. */
bool plan_next(struct cursor *cursor, struct operation *operation);
/** The next string of a list field; `cursor` starts as `list_begin(field)`. */
const char *list_next(const char **cursor);
const char *list_begin(const struct value *field);

/* ---- operations*.c: what a plan can ask for ---------------------------------------------------------------------------------- */

#define FIRST_PLAN_FD 4

/** What operations share. The child's copy goes its own way after clone. */
struct task {
  const struct plan *plan;
  pid_t child;          /* host pid of the child; 0 before clone, and in the child itself */
  int control;          /* the child's end of the socket to the launcher */
  int root;             /* the root to be; after pivot-root and setns(mnt), `/`; -1 before */
  bool announced;       /* the launcher was told that an end of the socket means: started */
  bool has_capabilities, has_credentials;
  uint64_t capabilities[4]; /* permitted, effective, inheritable, ambient: waiting for the change of user */
  char detail[160];     /* what failed, for the report */
};

typedef int operation_function(struct task *task, const struct operation *operation);
struct operation_kind {
  operation_function *run; /* 0 or -errno */
  const char *fields;      /* u: u32, U: u64, s: string, b: bytes, l: list of strings */
  uint8_t stages;          /* bit n: allowed in stage n */
  int8_t optional_field;   /* index of the `optional` flag, or -1 */
};
extern const struct operation_kind operation_kinds[];
extern const uint32_t operation_kind_count;

operation_function op_mkdir, op_write_file, op_write_child_pid, op_rmdir, op_device_program, op_kill_cgroup, op_netlink;
operation_function op_await_attend, op_setns, op_unshare, op_enter_pid_namespace, op_session_keyring;
operation_function op_root_propagation, op_mount_overlay, op_mount_bind_root, op_open_root, op_mount_fs, op_mount_bind,
    op_mask_path, op_readonly_path, op_make_dir, op_make_file, op_make_symlink, op_make_node, op_pivot_root, op_root_attributes,
    op_mount_attributes;
operation_function op_hostname, op_domainname, op_sysctl, op_rlimit, op_oom_score_adj, op_terminal, op_no_new_privileges,
    op_seccomp, op_capabilities, op_credentials, op_chdir, op_init, op_exec;

/** Runs one operation; a failed optional one is reported as a warning and counts as done. */
int run_operation(struct task *task, const struct operation *operation);
/** Sets the report's detail to `what subject` and returns -errno. */
int failed(struct task *task, const char *what, const char *subject);

/* ---- child.c: the child's side ----------------------------------------------------------------------------------------------- */

/** Messages from the child to the launcher, one packet each. */
enum child_message { CHILD_ABOUT_TO_EXEC = 1, CHILD_FAILED, CHILD_WARNING, CHILD_MOVED, CHILD_TERMINAL };
struct child_report {
  uint32_t message;
  uint32_t operation; /* or the new pid, for CHILD_MOVED */
  uint32_t error;
  char detail[160];
};

/** Namespaces of the `clone` operation, with stdio already made. Returns the child's pid or -errno; the child never returns. */
int start_child(struct task *task, const struct operation *clone, const int stdio[3], int launcher_end);
void child_warn(struct task *task, uint32_t operation, int error);
void child_announce(struct task *task);
/** Dies with the launcher until exec: set again after each change of credentials and each fork. */
void die_with_parent(struct task *task);

/* ---- in_root.c: paths inside the root ---------------------------------------------------------------------------------------- */

enum missing { MISSING_FAILS, MISSING_DIRECTORY, MISSING_FILE };

/** O_PATH descriptor of `path` inside the root (symlinks resolved in it), made if missing. Or -errno. */
int open_in_root(struct task *task, const char *path, enum missing missing);
/** As open_in_root, but every component must be what it seems: a symlink is ELOOP. For proc and sysfs. */
int open_in_root_no_symlinks(struct task *task, const char *path, uint64_t flags);
/** O_PATH descriptor of `path` beneath a directory; a path or symlink that leads out of it is EXDEV. Or -errno. */
int open_beneath(int directory, const char *path);
/** O_PATH descriptor of `path` as if the directory were the root: what would lead out of it stays in it. Or -errno. */
int open_rooted(int directory, const char *path);
/** Directory of the last component of `path` inside the root, made if missing; `*name` is that component. Or -errno. */
int open_parent_in_root(struct task *task, const char *path, const char **name);

/* ---- sources.c: what is bound ------------------------------------------------------------------------------------------------ */

#define NO_SLOT 0xffffffffu
struct bind_source {
  const char *path;
  const char *below; /* "": `path` itself */
  bool rooted;       /* `path` is the root for links on the way to `below` */
  uint64_t slot;     /* of the descriptor whose mount namespace `path` is in; NO_SLOT: the child's own */
};

/** A detached copy of the mount that is to be bound. Or -errno, with the report's detail set. */
int open_source(struct task *task, const struct bind_source *from, bool recursive);

/* ---- log.c: Docker's json-file ----------------------------------------------------------------------------------------------- */

/** Opens (appending) the log; 0 or -errno. Without it the other calls do nothing. */
int log_open(const char *path, uint64_t max_bytes, uint32_t max_files);
/** `stream` is 0 (stdout) or 1 (stderr). Lines are written when complete, at 16 KiB, or at log_end. */
void log_feed(int stream, const uint8_t *bytes, size_t length, const struct timespec *now);
void log_end(void);
uint64_t log_dropped_bytes(void);
/** Gives idle buffers back to the kernel. */
void log_relax(void);

/** JSON-escapes as Docker's own encoder does. Needs room for 6 bytes for each of the input's. Returns the end of what it wrote. */
char *escape_json(char *out, const uint8_t *at, const uint8_t *end);

/* ---- clients.c: the control socket --------------------------------------------------------------------------------------------*/

enum request { REQUEST_ATTACH = 1, REQUEST_EVENTS, REQUEST_RESIZE, REQUEST_SIGNAL, REQUEST_CLOSE_STDIN };
enum event { EVENT_STARTED = 16, EVENT_FAILED, EVENT_WARNING, EVENT_OOM, EVENT_EXITED, EVENT_ANSWER };
enum { ATTACH_STDIN = 1, ATTACH_STDOUT = 2, ATTACH_STDERR = 4 };

#define MAX_CLIENTS 64

/* ---- oom.c: kills for want of memory ------------------------------------------------------------------------------------------ */

/** Watches a memory cgroup; returns a descriptor to poll, or -1. */
int oom_watch(uint32_t version, const char *cgroup);
/** Kills since the watch began; also takes the notification. */
uint64_t oom_kills(void);

/* ---- supervisor.c ------------------------------------------------------------------------------------------------------------ */

/** Starts the task of the plan, serves the socket, ends after the task. Never returns. */
_Noreturn void supervise(struct task *task, const struct plan *plan, int plan_error);
/** A new subscriber of events is told what happened so far. */
void replay_events(int client);
void answer_request(int client, uint32_t request, const uint8_t *payload, uint32_t length);
void close_task_stdin(void);
/** A client that could give input has ended it: with `stdinOnce` that ends the task's. */
void close_task_stdin_once(void);
bool task_output_has_ended(void);
/** Writes input to the task; bytes taken, 0 if it has no room now, or -1 if it reads no more. */
ssize_t write_task_stdin(const uint8_t *bytes, size_t length);

/* ---- small things (util.c) --------------------------------------------------------------------------------------------------- */

/** Zeroed anonymous memory, or NULL. */
void *map_memory(size_t bytes);
void forget_program_pages(void);
/** Decimal digits of `number` at `out`; returns their count. */
size_t format_decimal(char *out, uint64_t number);
/** Appends at most what fits, keeping the NUL. */
void append(char *out, size_t size, const char *text);
int open_checked_procfs(int directory, const char *path, int flags);
int write_whole(int fd, const char *bytes, size_t length);
uint64_t now_ns(void);
void put32(uint8_t *out, uint32_t number);
void put64(uint8_t *out, uint64_t number);
uint32_t get32(const uint8_t *in);

#endif
