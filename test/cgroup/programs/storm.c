// Processes that fork and end, over and over: a list of them is out of date before it is read.
//
//     storm NUMBER     so many at a time; prints a line when they have begun
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char** words) {
  int left = count == 2 ? atoi(words[1]) : 1;
  // stdin tells that it may begin: by then it is where it is to be.
  char byte;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  for (int i = 1; i < left; i++) {
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) break;
    if (i == left - 1) {
      printf("storm\n");
      fflush(stdout);
    }
  }
  for (;;) {
    pid_t child = fork();
    // The parent ends, the child goes on; without a place for a child it tries again.
    if (child > 0) _exit(0);
    usleep(200);
  }
}
