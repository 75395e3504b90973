// Makes a process that waits in the kernel and that no signal ends (state D), by a file system that does not
// answer.
//
//     stuck DIRECTORY     prints the pid of the process; lets it go, and ends, when stdin does
//
// The file system is FUSE, mounted on DIRECTORY in a mount namespace of its own: nobody else can run into it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int result, const char* what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

// The next request; its code.
static unsigned receive(int fuse, char* buffer, size_t size) {
  must(read(fuse, buffer, size), "read /dev/fuse");
  return ((struct fuse_in_header*)buffer)->opcode;
}

int main(int count, char** words) {
  if (count != 2) return 2;
  must(unshare(CLONE_NEWNS), "unshare");
  must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount --make-rprivate");
  int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) {
    perror("/dev/fuse");
    return 77;
  }
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  must(mount("stuck", words[1], "fuse", MS_NOSUID | MS_NODEV, options), "mount fuse");
  pid_t victim = fork();
  must(victim, "fork");
  if (victim == 0) {
    // It must not hold the file system itself: nobody could ever let it go.
    close(fuse);
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/file", words[1]);
    stat(path, &status);
    for (;;) pause();
  }
  static char buffer[1 << 17];
  if (receive(fuse, buffer, sizeof buffer) != FUSE_INIT) return 1;
  struct {
    struct fuse_out_header header;
    struct fuse_init_out body;
  } answer = {
      .header = {.len = sizeof answer, .unique = ((struct fuse_in_header*)buffer)->unique},
      .body = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096},
  };
  must(write(fuse, &answer, sizeof answer), "answer INIT");
  // What has been read and is not answered is waited for, whatever comes.
  receive(fuse, buffer, sizeof buffer);
  printf("%d\n", victim);
  fflush(stdout);
  while (read(STDIN_FILENO, buffer, sizeof buffer) > 0) {
  }
  // Nobody can answer any more: the kernel gives the request up.
  close(fuse);
  kill(victim, SIGKILL);
  waitpid(victim, NULL, 0);
  return 0;
}
