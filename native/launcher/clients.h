/* The control socket: connections of the daemon. See clients.c for the protocol. */
#ifndef GANTRY_CLIENTS_H
#define GANTRY_CLIENTS_H

#include "launcher.h"

#include <poll.h>

#define READ_BYTES (64u << 10)

/** Adds what the connections wait for. `input_room`: the task can take input. Returns the new count. */
size_t clients_poll(struct pollfd *polls, size_t count, bool accepting);
/** Handles what poll found; the same array. */
void clients_handle(const struct pollfd *polls, size_t count, bool accepting);
/** All attached clients have room for another read of output. */
bool clients_have_room(void);
/** Sends output to the attached: `stream` 1 or 2 as a stdcopy frame, 0 raw. */
void clients_send_output(int stream, const uint8_t *bytes, size_t length);
/** No more output: each attached connection ends when its queue is empty. */
void clients_end_output(void);
void clients_send_event(enum event type, const uint8_t *payload, uint32_t length);
void client_send_event(int client, enum event type, const uint8_t *payload, uint32_t length);
/** Connections that have said what they are. */
uint32_t clients_introduced(void);
/** Connections that still have something to receive. */
bool clients_are_busy(void);
uint64_t clients_progress(void);
void clients_pass_input(void);
/** Some client's input waits for room in the task's stdin. */
bool clients_have_input(void);

#endif
