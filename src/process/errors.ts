import { constants } from 'node:os';
import { errnoMessage, errnoName, SystemError, type SystemErrorInfo } from '../handle/index.ts';

/** What the kernel asks for where the process is not the caller's own; see capabilities(7). */
const CAPABILITIES: Readonly<Record<string, string>> = {
  mount: 'CAP_SYS_ADMIN',
  pidfd_getfd: 'CAP_SYS_PTRACE',
  pidfd_send_signal: 'CAP_KILL',
  setns: 'CAP_SYS_ADMIN',
  unshare: 'CAP_SYS_ADMIN',
};

/** A {@link SystemError}; where a privilege is missing, `capability` says which. */
export function processError(errno: number, syscall: string, info: SystemErrorInfo = {}): SystemError {
  const capability = errno === -constants.errno.EPERM ? CAPABILITIES[syscall] : undefined;
  if (capability === undefined) return new SystemError(errno, syscall, info);
  const where = info.path === undefined ? '' : ` '${info.path}'`;
  return new SystemError(
    errno,
    syscall,
    { ...info, capability },
    `${errnoName(errno)}: ${errnoMessage(errno)}, ${syscall}${where} (needs ${capability})`,
  );
}
