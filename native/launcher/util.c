/* Small things that several files use. */
#include "launcher.h"

#include <link.h>
#include <linux/magic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>

void *map_memory(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

/** The program's own pages come back from the sealed file when they run again; most of what a start needs never does. */
void forget_program_pages(void) {
  const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  uintptr_t page = (uintptr_t)getauxval(AT_PAGESZ);
  for (unsigned long left = header ? getauxval(AT_PHNUM) : 0; left > 0; left--, header++) {
    if (header->p_type != PT_LOAD || header->p_flags & PF_W || header->p_vaddr < page) continue;
    uintptr_t start = header->p_vaddr / page * page, end = header->p_vaddr + header->p_memsz;
    madvise((void *)start, end - start, MADV_DONTNEED);
  }
}

size_t format_decimal(char *out, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while (number /= 10);
  for (size_t i = 0; i < count; i++) out[i] = digits[count - 1 - i];
  return count;
}

void append(char *out, size_t size, const char *text) {
  size_t used = strlen(out), more = strlen(text);
  if (more > size - 1 - used) more = size - 1 - used;
  memcpy(out + used, text, more);
  out[used + more] = 0;
}

/** A file that a container could have put in the place of /proc's is not written to (CVE-2025-52881). */
int open_checked_procfs(int directory, const char *path, int flags) {
  int fd = openat(directory, path, flags | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -errno;
  struct statfs fs;
  if (fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) return fd;
  close(fd);
  return -EXDEV;
}

int write_whole(int fd, const char *bytes, size_t length) {
  ssize_t wrote;
  do wrote = write(fd, bytes, length);
  while (wrote < 0 && errno == EINTR);
  if (wrote < 0) return -errno;
  return (size_t)wrote == length ? 0 : -EIO;
}

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void put32(uint8_t *out, uint32_t number) {
  for (int i = 0; i < 4; i++) out[i] = (uint8_t)(number >> (24 - 8 * i));
}

void put64(uint8_t *out, uint64_t number) {
  put32(out, (uint32_t)(number >> 32));
  put32(out + 4, (uint32_t)number);
}

uint32_t get32(const uint8_t *in) {
  return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}
