/*
 * Preloaded into `ip` or `tc`: the first part of a dump is replaced by what the file LINK_ANSWERS holds,
 * messages of the same type as the kernel would have sent them. So `ip` shows links of kinds that this kernel
 * does not have, and `tc` such disciplines. The namespace should have so few of these that their dump is one
 * datagram.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static char* answers;
static long answers_size;
static int answered;

__attribute__((constructor)) static void read_answers(void) {
  const char* path = getenv("LINK_ANSWERS");
  FILE* file = path == NULL ? NULL : fopen(path, "rb");
  if (file == NULL) abort();
  fseek(file, 0, SEEK_END);
  answers_size = ftell(file);
  rewind(file);
  answers = malloc((size_t)answers_size);
  if (fread(answers, 1, (size_t)answers_size, file) != (size_t)answers_size) abort();
  fclose(file);
}

ssize_t recvmsg(int fd, struct msghdr* msg, int flags) {
  static ssize_t (*real)(int, struct msghdr*, int);
  if (real == NULL) real = (ssize_t(*)(int, struct msghdr*, int))dlsym(RTLD_NEXT, "recvmsg");
  ssize_t n = real(fd, msg, flags);
  if (n < (ssize_t)sizeof(struct nlmsghdr)) return n;
  /* A look at the size: room for what comes instead. */
  if (flags & MSG_PEEK) return n > answers_size ? n : answers_size;
  struct nlmsghdr* first = msg->msg_iov->iov_base;
  if (answered || first->nlmsg_type != ((struct nlmsghdr*)answers)->nlmsg_type ||
      !(first->nlmsg_flags & NLM_F_MULTI))
    return n;
  if (msg->msg_iov->iov_len < (size_t)answers_size) abort();
  struct nlmsghdr header = *first;
  memcpy(msg->msg_iov->iov_base, answers, (size_t)answers_size);
  for (long at = 0; at < answers_size;) {
    struct nlmsghdr* message = (struct nlmsghdr*)((char*)msg->msg_iov->iov_base + at);
    message->nlmsg_flags = header.nlmsg_flags;
    message->nlmsg_seq = header.nlmsg_seq;
    message->nlmsg_pid = header.nlmsg_pid;
    at += NLMSG_ALIGN(message->nlmsg_len);
  }
  answered = 1;
  return answers_size;
}
