/*
 * The control socket. A frame is [type,0,0,0, length u32 BE] and a payload. The first frame of a connection says what it is:
 * - REQUEST_ATTACH {flags}: from then on output goes to it (stdcopy frames, or raw bytes of a terminal) and every byte from it is
 *   the task's input; its half-close is the end of the input;
 * - REQUEST_EVENTS {}: event frames go to it; RESIZE, SIGNAL, CLOSE_STDIN from it are each answered by one EVENT_ANSWER.
 * What a connection has not read is queued, up to a limit at which the task's output is no longer read.
 */
#include "clients.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define LISTENER 3
#define HEADER_BYTES 8u
#define MAX_REQUEST_BYTES 16u
#define QUEUE_BYTES (1u << 20)       /* above the mark, room for two pipes when the task has ended; only what is used is memory */
#define QUEUE_FULL_BYTES (24u << 10) /* above it the task's output waits */

#define MAX_READS_A_TURN 16           /* then output and the other clients have their turn */

enum kind { FREE, NEW, ATTACHED, SUBSCRIBED };

struct client {
  enum kind kind;
  int fd;
  uint8_t flags;
  bool input_ended, output_ended;
  bool hung_up; /* both ways: what it sent before is still passed on, nothing else is waited for */
  bool gone;    /* to be closed at the end of this turn */
  uint8_t frame[HEADER_BYTES + MAX_REQUEST_BYTES];
  uint32_t frame_length;
  uint8_t *queue;
  uint32_t queue_at, queue_length;
  uint8_t *input;
  uint32_t input_at, input_length;
};

static struct client clients[MAX_CLIENTS];
static uint32_t introduced;
static uint64_t sent_bytes;

static void close_client(struct client *client) {
  bool had_input = client->kind == ATTACHED && client->flags & ATTACH_STDIN && !client->input_ended;
  close(client->fd);
  if (client->queue) munmap(client->queue, QUEUE_BYTES);
  if (client->input) munmap(client->input, READ_BYTES);
  memset(client, 0, sizeof *client);
  if (had_input) close_task_stdin_once();
}

/** A client that hung up while the task does not read its last input gives way to a new one. */
static struct client *free_slot(void) {
  struct client *hung_up = NULL;
  for (struct client *client = clients; client < clients + MAX_CLIENTS; client++) {
    if (client->kind == FREE) return client;
    if (client->hung_up) hung_up = client;
  }
  if (hung_up) close_client(hung_up);
  return hung_up;
}

static void accept_clients(void) {
  for (;;) {
    int fd = accept4(LISTENER, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct client *client = free_slot();
    if (!client) {
      close(fd);
      continue;
    }
    *client = (struct client){.kind = NEW, .fd = fd};
  }
}

/** Queues what the socket did not take. A client whose queue overflows (it cannot, by the mark) is dropped. */
static void enqueue(struct client *client, const uint8_t *bytes, size_t length) {
  if (length == 0) return;
  if (!client->queue) client->queue = map_memory(QUEUE_BYTES);
  if (!client->queue || client->queue_length + length > QUEUE_BYTES) {
    client->gone = true;
    return;
  }
  if (client->queue_at + client->queue_length + length > QUEUE_BYTES) {
    memmove(client->queue, client->queue + client->queue_at, client->queue_length);
    client->queue_at = 0;
  }
  memcpy(client->queue + client->queue_at + client->queue_length, bytes, length);
  client->queue_length += (uint32_t)length;
}

/** It cannot be written to: a subscriber is of no use then, an attached client may still give input. */
static void output_broken(struct client *client) {
  client->output_ended = true;
  client->queue_length = 0;
  if (client->kind != ATTACHED || client->input_ended) client->gone = true;
}

static void send_parts(struct client *client, const uint8_t *header, const uint8_t *bytes, size_t length) {
  size_t header_length = header ? HEADER_BYTES : 0, sent = 0;
  if (client->gone) return;
  if (client->queue_length == 0) {
    struct iovec parts[2] = {{(void *)(uintptr_t)header, header_length}, {(void *)(uintptr_t)bytes, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t taken = sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) return output_broken(client);
    if (taken > 0) sent = (size_t)taken;
    sent_bytes += sent;
  }
  size_t of_header = sent < header_length ? sent : header_length;
  enqueue(client, header + of_header, header_length - of_header);
  enqueue(client, bytes + (sent - of_header), length - (sent - of_header));
}

static void send_queue(struct client *client) {
  while (client->queue_length > 0) {
    ssize_t sent = send(client->fd, client->queue + client->queue_at, client->queue_length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      output_broken(client);
      break;
    }
    sent_bytes += (uint64_t)sent;
    client->queue_at += (uint32_t)sent;
    client->queue_length -= (uint32_t)sent;
  }
  if (client->queue) munmap(client->queue, QUEUE_BYTES);
  client->queue = NULL;
  client->queue_at = 0;
}

void client_send_event(int client, enum event type, const uint8_t *payload, uint32_t length) {
  uint8_t header[HEADER_BYTES] = {(uint8_t)type};
  put32(header + 4, length);
  send_parts(&clients[client], header, payload, length);
}

void clients_send_event(enum event type, const uint8_t *payload, uint32_t length) {
  for (int i = 0; i < MAX_CLIENTS; i++)
    if (clients[i].kind == SUBSCRIBED) client_send_event(i, type, payload, length);
}

static bool wants(const struct client *client, int stream) {
  if (client->kind != ATTACHED || client->output_ended) return false;
  return client->flags & (stream == 2 ? ATTACH_STDERR : stream == 1 ? ATTACH_STDOUT : ATTACH_STDOUT | ATTACH_STDERR);
}

void clients_send_output(int stream, const uint8_t *bytes, size_t length) {
  uint8_t header[HEADER_BYTES] = {(uint8_t)stream};
  put32(header + 4, (uint32_t)length);
  for (struct client *client = clients; client < clients + MAX_CLIENTS; client++)
    if (wants(client, stream)) send_parts(client, stream ? header : NULL, bytes, length);
}

void clients_end_output(void) {
  for (struct client *client = clients; client < clients + MAX_CLIENTS; client++) {
    if (client->kind != ATTACHED || client->output_ended) continue;
    client->output_ended = true;
    if (client->queue_length == 0) shutdown(client->fd, SHUT_WR);
  }
}

bool clients_have_room(void) {
  for (const struct client *client = clients; client < clients + MAX_CLIENTS; client++)
    if (client->kind == ATTACHED && !client->gone && client->queue_length > QUEUE_FULL_BYTES) return false;
  return true;
}

bool clients_are_busy(void) {
  for (const struct client *client = clients; client < clients + MAX_CLIENTS; client++)
    if (client->kind != FREE && !client->gone && client->queue_length > 0) return true;
  return false;
}

uint64_t clients_progress(void) { return sent_bytes; }
uint32_t clients_introduced(void) { return introduced; }

static void introduce(int index) {
  struct client *client = &clients[index];
  uint32_t type = client->frame[0], length = get32(client->frame + 4);
  introduced++;
  if (type == REQUEST_ATTACH && length == 1) {
    client->kind = ATTACHED;
    client->flags = client->frame[HEADER_BYTES];
    if (!(client->flags & ATTACH_STDIN)) client->input_ended = true;
    if (task_output_has_ended()) {
      client->output_ended = true;
      shutdown(client->fd, SHUT_WR);
    }
  } else if (type == REQUEST_EVENTS && length == 0) {
    client->kind = SUBSCRIBED;
    replay_events(index);
  } else {
    client->gone = true;
  }
}

/** Reads exactly one frame at a time: what follows an ATTACH is input. Returns false if there is no more now. */
static bool read_frame(int index) {
  struct client *client = &clients[index];
  uint32_t need = HEADER_BYTES;
  if (client->frame_length >= HEADER_BYTES) need += get32(client->frame + 4);
  if (need > sizeof client->frame) {
    client->gone = true;
    return false;
  }
  if (client->frame_length < need) {
    ssize_t got = recv(client->fd, client->frame + client->frame_length, need - client->frame_length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) {
      client->gone = true;
      return false;
    }
    client->frame_length += (uint32_t)got;
  }
  if (client->frame_length < HEADER_BYTES || client->frame_length < HEADER_BYTES + get32(client->frame + 4)) return true;
  client->frame_length = 0;
  if (client->kind == NEW) introduce(index);
  else answer_request(index, client->frame[0], client->frame + HEADER_BYTES, get32(client->frame + 4));
  return !client->gone && client->kind != ATTACHED;
}

static void end_input(struct client *client) {
  if (client->input_ended) return;
  client->input_ended = true;
  close_task_stdin_once();
}

/** One turn of input: what is held first, then what the socket has, as long as the task takes it. */
static void pass_input(struct client *client) {
  for (int reads = 0; reads < MAX_READS_A_TURN; reads++) {
    if (client->input_length == 0) {
      if (!client->input && !(client->input = map_memory(READ_BYTES))) return;
      ssize_t got = recv(client->fd, client->input, READ_BYTES, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        if (got < 0 || client->hung_up) client->gone = true;
        return end_input(client);
      }
      client->input_at = 0;
      client->input_length = (uint32_t)got;
    }
    ssize_t taken = client->input_ended ? -1 : write_task_stdin(client->input + client->input_at, client->input_length);
    if (taken == 0) return;
    if (taken < 0) taken = client->input_length; /* it reads no more: as with a closed pipe, input is lost */
    client->input_at += (uint32_t)taken;
    client->input_length -= (uint32_t)taken;
  }
}

void clients_pass_input(void) {
  for (struct client *client = clients; client < clients + MAX_CLIENTS; client++)
    if (client->kind == ATTACHED && client->input_length > 0) pass_input(client);
}

bool clients_have_input(void) {
  for (const struct client *client = clients; client < clients + MAX_CLIENTS; client++)
    if (client->kind == ATTACHED && client->input_length > 0) return true;
  return false;
}

size_t clients_poll(struct pollfd *polls, size_t count, bool accepting) {
  if (accepting) polls[count++] = (struct pollfd){.fd = LISTENER, .events = POLLIN};
  for (const struct client *client = clients; client < clients + MAX_CLIENTS; client++) {
    if (client->kind == FREE) continue;
    short events = 0;
    if (client->kind != ATTACHED || (client->input_length == 0 && !client->input_ended)) events |= POLLIN;
    if (client->queue_length > 0) events |= POLLOUT;
    polls[count++] = (struct pollfd){.fd = client->hung_up ? -1 : client->fd, .events = events};
  }
  return count;
}

static void handle(int index, short found) {
  struct client *client = &clients[index];
  if (found & (POLLHUP | POLLERR)) {
    client->hung_up = true;
    client->output_ended = true;
    client->queue_length = 0;
  }
  if (found & POLLOUT && client->queue_length > 0) send_queue(client);
  if (found & POLLIN && client->kind != ATTACHED)
    for (int reads = 0; reads < MAX_READS_A_TURN && read_frame(index); reads++) continue;
  if (client->kind == ATTACHED && found & (POLLIN | POLLHUP) && client->input_length == 0) pass_input(client);
  if (client->hung_up && (client->kind != ATTACHED || client->input_ended)) client->gone = true;
}

void clients_handle(const struct pollfd *polls, size_t count, bool accepting) {
  size_t at = 0;
  for (int i = 0; i < MAX_CLIENTS && at < count; i++) {
    if (clients[i].kind == FREE) continue;
    short found = polls[at + accepting].revents;
    at++;
    if (found) handle(i, found);
  }
  for (struct client *client = clients; client < clients + MAX_CLIENTS; client++) {
    if (client->kind == FREE) continue;
    if (client->output_ended && client->queue_length == 0 && !client->gone) shutdown(client->fd, SHUT_WR);
    if (client->gone) close_client(client);
  }
  if (accepting && polls[0].revents) accept_clients();
}
