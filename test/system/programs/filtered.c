// filtered PROGRAM exec ARGV...            runs ARGV under the filter in the file PROGRAM
// filtered PROGRAM try NUMBER[,ARGUMENT]...  makes each system call and prints its errno, 0 for none, on a
// line
//
// filtered PROGRAM int80                    makes getpid(2) of i386 by its interrupt, where there is one
//
// PROGRAM is struct sock_filter[]. Exits with 3 where the kernel does not take it.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sock_filter code[BPF_MAXINSNS];

static void load(const char* path) {
  FILE* file = fopen(path, "r");
  if (file == NULL) exit(2);
  size_t count = fread(code, sizeof code[0], BPF_MAXINSNS, file);
  fclose(file);
  struct sock_fprog program = {(unsigned short)count, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
    perror("seccomp");
    exit(3);
  }
}

// In a child: some calls end the process, or change what it is.
static void try(const char* text) {
  long values[7] = {0};
  char* rest = (char*)text;
  for (int place = 0; place < 7 && *rest != '\0'; ++place) {
    values[place] = (long)strtoull(rest, &rest, 0);
    if (*rest == ',') ++rest;
  }
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    long result = syscall(values[0], values[1], values[2], values[3], values[4], values[5], values[6]);
    printf("%d\n", result == -1 ? errno : 0);
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("signal %d\n", WTERMSIG(status));
}

static int int80(void) {
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
  printf("%ld\n", result);
#endif
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  load(argv[1]);
  if (strcmp(argv[2], "int80") == 0) return int80();
  if (strcmp(argv[2], "exec") == 0) {
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
  }
  for (int place = 3; place < argc; ++place) try(argv[place]);
  return 0;
}
