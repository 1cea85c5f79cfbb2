/* Asks the ssh agent of $SSH_AUTH_SOCK for its keys and writes its answer to standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void) {
  static const unsigned char question[] = {0, 0, 0, 1, 11};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("SSH_AUTH_SOCK");
  char answer[65536];
  if (path == NULL || strlen(path) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, path);
  int agent = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(agent, (struct sockaddr *)&address, sizeof address) != 0) return perror("connect"), 3;
  if (write(agent, question, sizeof question) != sizeof question) return 4;
  ssize_t got = read(agent, answer, sizeof answer);
  return got <= 0 || fwrite(answer, 1, got, stdout) != (size_t)got ? 5 : 0;
}
