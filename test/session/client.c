// A process that uses a mount as it is told: one command a line on stdin, one answer a line.
// A failed call answers `!` and the name of its errno.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static int descriptors[16];
static int count;

static void answer_number(long result) {
  if (result < 0)
    printf("!%s\n", strerrorname_np(errno));
  else
    printf("%ld\n", result);
}

static int push(int fd) {
  if (fd < 0 || count == 16)
    return -1;
  descriptors[count] = fd;
  return count++;
}

// `fd` opened by the n-th open or watch.
static int fd_of(const char *text) { return text == NULL ? -1 : descriptors[atoi(text) & 15]; }

static void answer_bytes(int fd, size_t size, off_t offset) {
  char buffer[4096];
  ssize_t length = pread(fd, buffer, size < sizeof buffer ? size : sizeof buffer, offset);
  if (length < 0)
    answer_number(-1);
  else
    printf("%.*s\n", (int)length, buffer);
}

static void answer_poll(int fd, int timeout) {
  struct pollfd waiting = {.fd = fd, .events = POLLIN};
  int ready = poll(&waiting, 1, timeout);
  answer_number(ready < 0 ? -1 : ready == 0 ? 0 : waiting.revents);
}

// The mask of the next event of what is watched.
static void answer_event(int fd) {
  char buffer[4096] __attribute__((aligned(8)));
  if (read(fd, buffer, sizeof buffer) < 0) {
    answer_number(-1);
    return;
  }
  const struct inotify_event *event = (const struct inotify_event *)buffer;
  printf("%x\n", event->mask);
}

int main(void) {
  static char line[4096];
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin) != NULL) {
    const char *command = strtok(line, " \n");
    const char *a = strtok(NULL, " \n"), *b = strtok(NULL, " \n"), *c = strtok(NULL, " \n");
    struct stat status;
    if (strcmp(command, "size") == 0)
      answer_number(stat(a, &status) < 0 ? -1 : (long)status.st_size);
    else if (strcmp(command, "open") == 0)
      answer_number(push(open(a, O_RDWR | O_CLOEXEC)));
    else if (strcmp(command, "close") == 0)
      answer_number(close(fd_of(a)));
    else if (strcmp(command, "read") == 0)
      answer_bytes(fd_of(a), atoi(b), atol(c));
    else if (strcmp(command, "write") == 0)
      answer_number(pwrite(fd_of(a), c, strlen(c), atol(b)));
    else if (strcmp(command, "lock") == 0) {
      struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
      answer_number(fcntl(fd_of(a), F_SETLKW, &whole));
    } else if (strcmp(command, "mkdir") == 0)
      answer_number(mkdir(a, 0755));
    else if (strcmp(command, "unlink") == 0)
      answer_number(unlink(a));
    else if (strcmp(command, "rename") == 0)
      answer_number(rename(a, b));
    else if (strcmp(command, "poll") == 0)
      answer_poll(fd_of(a), b == NULL ? -1 : atoi(b));
    else if (strcmp(command, "watch") == 0) {
      int fd = inotify_init1(IN_CLOEXEC);
      answer_number(inotify_add_watch(fd, a, IN_DELETE_SELF) < 0 ? -1 : push(fd));
    } else if (strcmp(command, "event") == 0)
      answer_event(fd_of(a));
    else
      printf("!unknown %s\n", command);
  }
  return 0;
}
