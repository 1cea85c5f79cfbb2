/*
 * The text of a JSON string as Docker's own encoder writes it. Sixteen bytes at a time where nothing is to be escaped, and runs
 * of one escaped byte (zeros, mostly) by copying what was just written: a container's output must not wait for its log.
 */
#include "launcher.h"

#include <endian.h>

#define VECTOR_BYTES 16u
typedef uint8_t vector __attribute__((vector_size(VECTOR_BYTES)));
typedef int8_t signed_vector __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t halves __attribute__((vector_size(VECTOR_BYTES)));

/** Length of the well-formed UTF-8 sequence at `in` (2 to 4), or 0: overlong forms, surrogates and cut ends are not. */
static size_t utf8_length(const uint8_t *in, size_t left) {
  uint8_t lead = in[0];
  size_t need = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (need == 0 || need > left) return 0;
  for (size_t i = 1; i < need; i++)
    if ((in[i] & 0xc0) != 0x80) return 0;
  if ((lead == 0xe0 && in[1] < 0xa0) || (lead == 0xed && in[1] > 0x9f)) return 0;
  if ((lead == 0xf0 && in[1] < 0x90) || (lead == 0xf4 && in[1] > 0x8f)) return 0;
  return need;
}

static bool is_plain(uint8_t byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

/** How many of the bytes at `at` come before the first that is not plain; VECTOR_BYTES: all of a vector. */
static inline size_t plain_prefix(vector bytes) {
  /* signed: below a blank are the control characters and everything above ASCII; <> and "& differ by one bit each */
  vector special = (vector)((signed_vector)bytes < 0x20) | (vector)((bytes | 2) == '>') | (vector)((bytes & 0xfb) == '"') |
                   (vector)(bytes == '\\');
  halves half = (halves)special;
  if (half[0]) return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
  if (half[1]) return 8 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8;
  return VECTOR_BYTES;
}

/** Copies plain bytes; `*at` moves past them. Up to a vector more is written than counts: `out` has room for every escape. */
static inline char *copy_plain(char *out, const uint8_t **at, const uint8_t *end) {
  const uint8_t *in = *at;
  while ((size_t)(end - in) >= VECTOR_BYTES) {
    vector bytes;
    memcpy(&bytes, in, VECTOR_BYTES);
    memcpy(out, &bytes, VECTOR_BYTES);
    size_t count = plain_prefix(bytes);
    in += count;
    out += count;
    if (count < VECTOR_BYTES) return *at = in, out;
  }
  while (in < end && is_plain(*in)) *out++ = (char)*in++;
  return *at = in, out;
}

static size_t run_length(const uint8_t *at, const uint8_t *end) {
  const uint8_t *in = at + 1;
  uint64_t pattern = 0x0101010101010101u * *at, word;
  for (; end - in >= 8; in += 8) {
    memcpy(&word, in, 8);
    if (word != pattern) break;
  }
  while (in < end && *in == *at) in++;
  return (size_t)(in - at);
}

static size_t put_escape(char *out, uint8_t byte) {
  static const char hex[] = "0123456789abcdef";
  char letter = byte == '"' || byte == '\\' ? (char)byte : byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : 0;
  out[0] = '\\';
  out[1] = letter;
  if (letter) return 2;
  memcpy(out + 1, "u00", 3);
  out[4] = hex[byte >> 4];
  out[5] = hex[byte & 15];
  return 6;
}

/** One ASCII character that cannot stand for itself, as often as it is repeated. */
static char *escape_run(char *out, const uint8_t **at, const uint8_t *end) {
  size_t done = put_escape(out, **at);
  size_t repeats = *at + 1 < end && (*at)[1] == **at ? run_length(*at, end) : 1, total = repeats * done;
  *at += repeats;
  while (done < total) {
    size_t more = done < total - done ? done : total - done;
    memcpy(out + done, out, more);
    done += more;
  }
  return out + total;
}

static char *copy_character(char *out, const uint8_t **at, const uint8_t *end) {
  const uint8_t *sequence = *at;
  size_t length = utf8_length(sequence, (size_t)(end - sequence));
  if (length == 0) {
    ++*at;
    return memcpy(out, "\\ufffd", 6), out + 6;
  }
  *at += length;
  if (length == 3 && sequence[0] == 0xe2 && sequence[1] == 0x80 && (sequence[2] & 0xfe) == 0xa8)
    return memcpy(out, sequence[2] == 0xa8 ? "\\u2028" : "\\u2029", 6), out + 6;
  for (size_t i = 0; i < length; i++) out[i] = (char)sequence[i];
  return out + length;
}

char *escape_json(char *out, const uint8_t *at, const uint8_t *end) {
  while (at < end) {
    if (*at >= 0x80) out = copy_character(out, &at, end);
    else if (is_plain(*at)) out = copy_plain(out, &at, end);
    else out = escape_run(out, &at, end);
  }
  return out;
}
