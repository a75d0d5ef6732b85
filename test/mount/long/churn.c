// churn DIR N: make N files in an empty folder, stat each, list them and remove each, in one process,
// as `cp`, `ls` and `rm` would.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *dir, int i) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/file-%d", dir, i);
  return path;
}

static void require(int ok, const char *what, const char *path) {
  if (ok)
    return;
  fprintf(stderr, "%s ", what);
  perror(path);
  exit(1);
}

static int entries(const char *path) {
  int count = 0;
  DIR *dir = opendir(path);
  require(dir != NULL, "opendir", path);
  for (struct dirent *d; (d = readdir(dir)) != NULL;)
    if (d->d_name[0] != '.')
      count++;
  closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  int count = atoi(argv[2]);
  for (int i = 0; i < count; i++) {
    const char *path = path_of(argv[1], i);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
    require(fd >= 0 && write(fd, "hello", 5) == 5 && close(fd) == 0, "create", path);
  }
  struct stat st;
  for (int i = 0; i < count; i++)
    require(stat(path_of(argv[1], i), &st) == 0 && st.st_size == 5, "stat", argv[1]);
  require(entries(argv[1]) == count, "list", argv[1]);
  for (int i = 0; i < count; i++)
    require(unlink(path_of(argv[1], i)) == 0, "unlink", argv[1]);
  return 0;
}
