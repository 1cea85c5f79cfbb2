/* talk <socket> <text>: sends the text over a unix socket, prints the first answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  return 1;
}

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char answer[256];
  if (argc != 3 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return fail("connect");
  if (write(fd, argv[2], strlen(argv[2])) < 0) return fail("write");
  ssize_t got = read(fd, answer, sizeof answer);
  if (got < 0) return fail("read");
  return fwrite(answer, 1, (size_t)got, stdout) == (size_t)got ? 0 : 1;
}
