// A driver with something for the misc controller to count, for guests: processors that encrypt virtual
// machines, for which `sev` is there, cannot be emulated. /proc/cofferdam_misc stands for one: a process that
// opens it and writes its pid has a charge of `sev` until it closes it, just as one that makes such a machine
// (arch/x86/kvm/svm/sev.c).
//
// Compiled without the kernel's headers, against the types of the very kernel (module.mjs). Never on a real
// host: its only defence against bad use is that it is root's.
#include "vmlinux.h"

#define CAPACITY 8

extern int misc_cg_set_capacity(enum misc_res_type type, u64 capacity);
extern int misc_cg_try_charge(enum misc_res_type type, struct misc_cg* cg, u64 amount);
extern void misc_cg_uncharge(enum misc_res_type type, struct misc_cg* cg, u64 amount);
extern struct pid* find_vpid(int nr);
extern struct task_struct* pid_task(struct pid* pid, enum pid_type type);
extern int kstrtoint_from_user(const char* text, size_t size, unsigned int base, int* value);
extern struct proc_dir_entry* proc_create(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                          const struct proc_ops* ops);

// The group needs no reference: a process closes its files before it leaves its group.
static ssize_t Charge(struct file* file, const char* text, size_t size, loff_t* offset) {
  struct task_struct* task;
  struct misc_cg* cg;
  int pid;
  int error = kstrtoint_from_user(text, size, 10, &pid);
  if (error) return error;
  if (file->private_data) return -17; /* EEXIST */
  task = pid_task(find_vpid(pid), PIDTYPE_PID);
  if (!task) return -3; /* ESRCH */
  cg = (struct misc_cg*)task->cgroups->subsys[misc_cgrp_id];
  error = misc_cg_try_charge(MISC_CG_RES_SEV, cg, 1);
  if (error) return error;
  file->private_data = cg;
  return size;
}

static int Release(struct inode* inode, struct file* file) {
  if (file->private_data) misc_cg_uncharge(MISC_CG_RES_SEV, file->private_data, 1);
  return 0;
}

static const struct proc_ops kOps = {.proc_write = Charge, .proc_release = Release};

int init_module(void) {
  int error = misc_cg_set_capacity(MISC_CG_RES_SEV, CAPACITY);
  if (error) return error;
  return proc_create("cofferdam_misc", 0600, 0, &kOps) ? 0 : -12; /* ENOMEM */
}

// What modpost(1) writes. There is no exit: it stays.
__attribute__((section(".gnu.linkonce.this_module"), aligned(64), used)) struct module __this_module = {
    .name = "misc_charge",
    .init = init_module,
};
#define MODULE_INFO(key, text) \
  static const char key[] __attribute__((section(".modinfo"), used)) = #key "=" text
MODULE_INFO(license, "GPL");
MODULE_INFO(name, "misc_charge");
MODULE_INFO(vermagic, VERMAGIC);
