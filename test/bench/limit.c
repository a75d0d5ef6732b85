// The physical limit of the benchmarks: a FUSE daemon that is nothing but a loop of blocking
// read(2) and write(2) on /dev/fuse. One thread, no library, no allocation, every timeout 0.
// It serves one directory with "f" (4 KiB of zeros) and "big" (64 MiB of zeros that forget what is
// written to them); test/bench/peer_devfuse.mjs serves the same on devfuse.
//
//   limit MOUNTPOINT [--count]
//
// Needs root (mount(2)). Prints "mounted MOUNTPOINT"; ends with 0 on SIGTERM, SIGINT or umount.
// --count prints on stderr how many requests of each opcode came: a way to check that a line of
// the benchmark measures what it says.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
  MAX_WRITE = 1 << 20,
  PAGE = 4096,
  // A request with data is a header and a struct of 40 bytes each, then the data: starting 80 bytes
  // before a page makes the data page-aligned, which is worth 10 % of a 1 MiB write.
  WRITE_HEAD = sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in),
  MINOR = 45, // the header of Debian 12 says 38; nothing this loop sends has changed since
  F = 2,
  BIG = 3,
};

// What the daemon asks for: what devfuse negotiates for the same operations (lib/init.ts), so that
// the kernel sends both the same requests. To be changed together.
static const uint32_t WANTED = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA |
                               FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_ABORT_ERROR |
                               FUSE_MAX_PAGES;

static int device;
static const char *mountpoint;
static volatile sig_atomic_t stopped;
static unsigned long seen[64];

static char message_pages[PAGE + MAX_WRITE + PAGE] __attribute__((aligned(PAGE)));
static char *const message = message_pages + PAGE - WRITE_HEAD;
static char zeros[MAX_WRITE] __attribute__((aligned(PAGE)));

static struct {
  struct fuse_out_header header;
  union {
    struct fuse_init_out init;
    struct fuse_entry_out entry;
    struct fuse_attr_out attr;
    struct fuse_open_out open;
    struct fuse_write_out write;
    struct fuse_statfs_out statfs;
  } u;
} reply;

static void on_signal(int signo) {
  (void)signo;
  stopped = 1;
}

static void send_reply(uint64_t unique, size_t body) {
  reply.header.len = sizeof reply.header + body;
  reply.header.error = 0;
  reply.header.unique = unique;
  // ENOENT: the kernel has dropped the request. Nothing to undo here.
  if (write(device, &reply, reply.header.len) < 0 && errno != ENOENT)
    perror("write");
}

static void send_error(uint64_t unique, int error) {
  struct fuse_out_header header = {sizeof header, -error, unique};
  if (write(device, &header, sizeof header) < 0 && errno != ENOENT)
    perror("write");
}

static void send_zeros(uint64_t unique, size_t size) {
  struct fuse_out_header header = {sizeof header + size, 0, unique};
  struct iovec iov[] = {{&header, sizeof header}, {zeros, size}};
  if (writev(device, iov, 2) < 0 && errno != ENOENT)
    perror("writev");
}

static uint64_t size_of(uint64_t nodeid) {
  return nodeid == F ? PAGE : nodeid == BIG ? 64 * (uint64_t)MAX_WRITE : 0;
}

static void fill_attr(struct fuse_attr *attr, uint64_t nodeid) {
  memset(attr, 0, sizeof *attr);
  attr->ino = nodeid;
  attr->size = size_of(nodeid);
  attr->blocks = attr->size / 512;
  attr->mode = nodeid == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr->nlink = nodeid == FUSE_ROOT_ID ? 2 : 1;
  attr->blksize = PAGE;
}

static void init(const struct fuse_in_header *in) {
  const struct fuse_init_in *arg = (const void *)(in + 1);
  struct fuse_init_out *out = &reply.u.init;
  memset(out, 0, sizeof *out);
  out->major = FUSE_KERNEL_VERSION;
  out->minor = arg->minor < MINOR ? arg->minor : MINOR;
  out->max_readahead = arg->max_readahead;
  out->flags = arg->flags & WANTED;
  out->max_background = 12;
  out->congestion_threshold = 9;
  out->max_write = MAX_WRITE;
  out->max_pages = MAX_WRITE / PAGE;
  out->time_gran = 1;
  send_reply(in->unique, sizeof *out);
}

static void lookup(const struct fuse_in_header *in) {
  const char *name = (const char *)(in + 1);
  uint64_t nodeid = strcmp(name, "f") == 0 ? F : strcmp(name, "big") == 0 ? BIG : 0;
  if (in->nodeid != FUSE_ROOT_ID || nodeid == 0)
    return send_error(in->unique, ENOENT);
  memset(&reply.u.entry, 0, sizeof reply.u.entry);
  reply.u.entry.nodeid = nodeid;
  fill_attr(&reply.u.entry.attr, nodeid);
  send_reply(in->unique, sizeof reply.u.entry);
}

static void getattr(const struct fuse_in_header *in) {
  memset(&reply.u.attr, 0, sizeof reply.u.attr);
  fill_attr(&reply.u.attr.attr, in->nodeid);
  send_reply(in->unique, sizeof reply.u.attr);
}

static void open_file(const struct fuse_in_header *in) {
  const struct fuse_open_in *arg = (const void *)(in + 1);
  memset(&reply.u.open, 0, sizeof reply.u.open);
  reply.u.open.fh = in->nodeid;
  if (in->opcode == FUSE_OPEN && (arg->flags & O_DIRECT))
    reply.u.open.open_flags = FOPEN_DIRECT_IO;
  send_reply(in->unique, sizeof reply.u.open);
}

static void read_file(const struct fuse_in_header *in) {
  const struct fuse_read_in *arg = (const void *)(in + 1);
  uint64_t end = size_of(in->nodeid);
  uint64_t rest = arg->offset < end ? end - arg->offset : 0;
  send_zeros(in->unique, arg->size < rest ? arg->size : rest);
}

static void write_file(const struct fuse_in_header *in) {
  const struct fuse_write_in *arg = (const void *)(in + 1);
  memset(&reply.u.write, 0, sizeof reply.u.write);
  reply.u.write.size = arg->size;
  send_reply(in->unique, sizeof reply.u.write);
}

static void statfs(const struct fuse_in_header *in) {
  memset(&reply.u.statfs, 0, sizeof reply.u.statfs);
  reply.u.statfs.st.bsize = reply.u.statfs.st.frsize = PAGE;
  reply.u.statfs.st.namelen = 255;
  send_reply(in->unique, sizeof reply.u.statfs);
}

static void answer(const struct fuse_in_header *in) {
  seen[in->opcode < 64 ? in->opcode : 0]++;
  switch (in->opcode) {
  case FUSE_INIT:
    return init(in);
  case FUSE_LOOKUP:
    return lookup(in);
  case FUSE_GETATTR:
  case FUSE_SETATTR:
    return getattr(in);
  case FUSE_OPEN:
  case FUSE_OPENDIR:
    return open_file(in);
  case FUSE_READ:
    return read_file(in);
  case FUSE_READDIR:
    return send_zeros(in->unique, 0);
  case FUSE_WRITE:
    return write_file(in);
  case FUSE_STATFS:
    return statfs(in);
  case FUSE_RELEASE:
  case FUSE_RELEASEDIR:
  case FUSE_FLUSH:
    return send_error(in->unique, 0);
  case FUSE_FORGET:
  case FUSE_BATCH_FORGET:
  case FUSE_INTERRUPT:
    return;
  default:
    return send_error(in->unique, ENOSYS);
  }
}

static int serve(void) {
  while (!stopped) {
    ssize_t n = read(device, message, WRITE_HEAD + MAX_WRITE);
    if (n > 0) {
      answer((const void *)message);
    } else if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN) {
      if (errno == ENODEV || errno == ECONNABORTED)
        return 0;
      perror("read");
      return 1;
    }
  }
  return 0;
}

static int start(void) {
  char options[128];
  // Without SA_RESTART: the signal must get the loop out of read().
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0)
    return perror("/dev/fuse"), 1;
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", device, getuid(),
           getgid());
  if (mount("limit", mountpoint, "fuse.limit", MS_NOSUID | MS_NODEV, options) < 0) {
    return perror("mount"), 1;
  }
  // Fault the pages in now, not while measuring; a page never written is the shared zero page.
  memset(message_pages, 0, sizeof message_pages);
  memset(zeros, 0, sizeof zeros);
  printf("mounted %s\n", mountpoint);
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s MOUNTPOINT [--count]\n", argv[0]);
    return 2;
  }
  mountpoint = argv[1];
  if (start() != 0)
    return 1;
  int status = serve();
  umount2(mountpoint, MNT_DETACH);
  if (argc > 2 && strcmp(argv[2], "--count") == 0) {
    for (int op = 0; op < 64; op++) {
      if (seen[op])
        fprintf(stderr, "opcode %d: %lu\n", op, seen[op]);
    }
  }
  return status;
}
