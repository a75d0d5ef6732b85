// Makes the kernel send each FUSE request that it sends on a mount:  provoke GROUP DIR
//
// Only for record.ts. Calls may fail, the request is what counts; a failure is printed.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TRY(call) do { if ((long)(call) < 0) printf("%s: %s\n", #call, strerror(errno)); } while (0)

static int lock(int fd, int command, short type, off_t start) {
  struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 10 };
  return fcntl(fd, command, &range);
}

static void list(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) { perror(path); return; }
  while (readdir(directory) != NULL) continue;
  TRY(fsync(dirfd(directory)));
  closedir(directory);
}

static void on_alarm(int number) { (void)number; }

static void names(void) {
  struct stat status;
  struct statfs figures;
  struct statx extended;
  char target[64];
  TRY(stat("file", &status));
  TRY(statfs(".", &figures));
  TRY(statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS | STATX_BTIME, &extended));
  TRY(readlink("link", target, sizeof target));
  TRY(access("file", R_OK));
  TRY(chmod("file", 0600));
  TRY(symlink("target", "symlink"));
  TRY(mknod("node", S_IFCHR | 0640, 0x103));
  TRY(mkdir("directory", 0755));
  TRY(rmdir("directory"));
  TRY(link("file", "hard"));
  TRY(rename("symlink", "renamed"));
  TRY(syscall(SYS_renameat2, AT_FDCWD, "renamed", AT_FDCWD, "again", RENAME_NOREPLACE));
  TRY(unlink("again"));
  TRY(setxattr("file", "user.name", "value", 5, XATTR_CREATE));
  char value[64];
  TRY(getxattr("file", "user.name", value, sizeof value));
  TRY(listxattr("file", value, sizeof value));
  TRY(removexattr("file", "user.name"));
}

static void data(void) {
  char buffer[16] = { 0 };
  int file = open("file", O_RDWR);
  int made = open("made", O_RDWR | O_CREAT | O_EXCL, 0644);
  TRY(file);
  TRY(made);
  TRY(pread(file, buffer, 5, 0));
  TRY(pwrite(made, "hello", 5, 3));
  TRY(fdatasync(made));
  TRY(fallocate(made, FALLOC_FL_KEEP_SIZE, 0, 4096));
  TRY(lseek(file, 0, SEEK_DATA));
  TRY(copy_file_range(file, NULL, made, NULL, 5, 0));
  int argument = 42;
  TRY(ioctl(file, _IOWR('d', 1, int), &argument));
  struct pollfd waiting = { .fd = file, .events = POLLIN };
  TRY(poll(&waiting, 1, 0));
  TRY(lock(file, F_GETLK, F_WRLCK, 0));
  TRY(lock(file, F_SETLK, F_WRLCK, 0));
  TRY(lock(file, F_SETLKW, F_WRLCK, 50));
  struct sigaction action = { .sa_handler = on_alarm };
  sigaction(SIGALRM, &action, NULL);
  alarm(1);
  TRY(lock(file, F_SETLKW, F_WRLCK, 1000));
  TRY(syncfs(file));
  int block = 1;
  TRY(ioctl(file, FIBMAP, &block));
  TRY(close(file));
  TRY(close(made));
  int unnamed = open(".", O_TMPFILE | O_RDWR, 0600);
  TRY(unnamed);
  close(unnamed);
}

int main(int count, char **arguments) {
  if (count != 3 || chdir(arguments[2]) < 0) return 2;
  umask(022);
  const char *group = arguments[1];
  if (strcmp(group, "all") == 0) {
    names();
    data();
    list(".");
  } else if (strcmp(group, "many") == 0) {
    // Inodes for BATCH_FORGET.
    struct stat status;
    char name[16];
    for (int i = 0; i < 20; i++) {
      snprintf(name, sizeof name, "many%d", i);
      TRY(stat(name, &status));
    }
  } else if (strcmp(group, "cache") == 0) {
    char buffer[16];
    int file = open("file", O_RDONLY);
    TRY(pread(file, buffer, 5, 0));
    pause();
  } else if (strcmp(group, "group") == 0) {
    // The group of the directory, which the kernel learns by asking.
    gid_t gid = 1234;
    struct stat status;
    TRY(stat(".", &status));
    TRY(setgroups(1, &gid));
    TRY(open("grouped", O_RDWR | O_CREAT | O_EXCL, 0644));
  } else return 2;
  return 0;
}
