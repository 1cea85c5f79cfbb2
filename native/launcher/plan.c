/* The plan as bytes: little-endian numbers, length-prefixed strings. Nothing is trusted; nothing is copied. */
#include "launcher.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PLAN_MAGIC 0x314c5047u /* "GPL1" */
#define MAX_OPERATIONS 65536u

enum { FLAG_TTY = 1, FLAG_STDIN = 2, FLAG_STDIN_ONCE = 4, FLAG_ABANDON_OUTPUT = 8 };

static const uint8_t *take(struct cursor *cursor, size_t length) {
  if (cursor->broken || length > (size_t)(cursor->end - cursor->at)) {
    cursor->broken = true;
    return NULL;
  }
  const uint8_t *at = cursor->at;
  cursor->at += length;
  return at;
}

static uint32_t take32(struct cursor *cursor) {
  uint32_t number = 0;
  const uint8_t *at = take(cursor, sizeof number);
  if (at) memcpy(&number, at, sizeof number);
  return number;
}

static uint64_t take64(struct cursor *cursor) {
  uint64_t number = 0;
  const uint8_t *at = take(cursor, sizeof number);
  if (at) memcpy(&number, at, sizeof number);
  return number;
}

static struct value take_bytes(struct cursor *cursor) {
  uint32_t length = take32(cursor);
  const uint8_t *at = take(cursor, length);
  return (struct value){at ? length : 0, at ? (const char *)at : ""};
}

/** A string holds no NUL and is followed by one, so that it can be handed to the kernel in place. */
static struct value take_string(struct cursor *cursor) {
  struct value value = take_bytes(cursor);
  const uint8_t *end = take(cursor, 1);
  if (!end || *end != 0 || memchr(value.text, 0, value.number)) {
    cursor->broken = true;
    return (struct value){0, ""};
  }
  return value;
}

static struct value take_list(struct cursor *cursor) {
  uint32_t count = take32(cursor);
  const char *first = (const char *)cursor->at;
  for (uint32_t i = 0; i < count && !cursor->broken; i++) take_string(cursor);
  return (struct value){cursor->broken ? 0 : count, first};
}

const char *list_begin(const struct value *field) { return field->text; }

const char *list_next(const char **cursor) {
  uint32_t length;
  memcpy(&length, *cursor, sizeof length);
  const char *text = *cursor + sizeof length;
  *cursor = text + length + 1;
  return text;
}

static void take_fields(struct cursor *cursor, const char *fields, struct value *out) {
  for (int i = 0; fields[i] != 0; i++) {
    switch (fields[i]) {
      case 'u': out[i] = (struct value){take32(cursor), ""}; break;
      case 'U': out[i] = (struct value){take64(cursor), ""}; break;
      case 's': out[i] = take_string(cursor); break;
      case 'b': out[i] = take_bytes(cursor); break;
      default: out[i] = take_list(cursor); break;
    }
  }
}

bool plan_next(struct cursor *cursor, struct operation *operation) {
  if (cursor->broken || cursor->at == cursor->end) return false;
  operation->code = take32(cursor);
  uint32_t stage = take32(cursor);
  uint32_t length = take32(cursor);
  const uint8_t *body = take(cursor, length);
  if (!body || operation->code >= operation_kind_count || stage > CLEANUP) {
    cursor->broken = true;
    return false;
  }
  const struct operation_kind *kind = &operation_kinds[operation->code];
  operation->stage = (enum stage)stage;
  struct cursor fields = {body, body + length, false};
  take_fields(&fields, kind->fields, operation->field);
  if (fields.broken || fields.at != fields.end || !(kind->stages & (1u << stage))) cursor->broken = true;
  return !cursor->broken;
}

/** Decodes every operation once: count, codes, stages, exactly one clone, exec last of `enter`. */
static bool operations_are_sound(const struct plan *plan) {
  struct cursor cursor = plan->operations;
  struct operation operation;
  uint32_t count = 0, clones = 0, execs = 0;
  while (plan_next(&cursor, &operation)) {
    count++;
    if (operation.stage == CLONE) clones++;
    if (operation.stage == ENTER && execs) return false;
    if (operation_kinds[operation.code].run == op_exec) execs++;
  }
  return !cursor.broken && count == plan->operation_count && count <= MAX_OPERATIONS && clones == 1 && execs == 1;
}

static int plan_decode(struct cursor cursor, struct plan *plan) {
  uint32_t magic = take32(&cursor), length = take32(&cursor);
  if (magic != PLAN_MAGIC || cursor.broken || length != (size_t)(cursor.end - cursor.at)) return -EINVAL;
  plan->exit_record = take_string(&cursor).text;
  plan->log_path = take_string(&cursor).text;
  plan->log_max_bytes = take64(&cursor);
  plan->log_max_files = take32(&cursor);
  uint32_t flags = take32(&cursor);
  plan->tty = flags & FLAG_TTY;
  plan->keep_stdin = flags & FLAG_STDIN;
  plan->stdin_once = flags & FLAG_STDIN_ONCE;
  plan->abandon_output = flags & FLAG_ABANDON_OUTPUT;
  plan->memory_cgroup_version = take32(&cursor);
  plan->memory_cgroup = take_string(&cursor).text;
  plan->awaited_clients = take32(&cursor);
  plan->fd_count = take32(&cursor);
  plan->operation_count = take32(&cursor);
  plan->operations = cursor;
  if (cursor.broken || plan->awaited_clients > MAX_CLIENTS || plan->fd_count > 256) return -EINVAL;
  return operations_are_sound(plan) ? 0 : -EINVAL;
}

int plan_read(int fd, struct plan *plan) {
  uint8_t *bytes = map_memory(MAX_PLAN_BYTES);
  if (!bytes) return -ENOMEM;
  size_t length = 0;
  for (;;) {
    if (length == MAX_PLAN_BYTES) return -E2BIG;
    ssize_t got = read(fd, bytes + length, MAX_PLAN_BYTES - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) break;
    length += (size_t)got;
  }
#ifdef __SANITIZE_ADDRESS__
  uint8_t *exact = malloc(length + 1); /* with a guard behind it; one byte so that an empty plan has an address */
  bytes = memcpy(exact + 1, bytes, length);
#endif
  return plan_decode((struct cursor){bytes, bytes + length, false}, plan);
}
