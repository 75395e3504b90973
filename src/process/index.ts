export type { WaitOptions } from './core.ts';
export { DuplicatedFd } from './duplicated-fd.ts';
export type { ProcessExit, ProcessUsage } from './exit.ts';
export type { ProcessIdentity } from './identity.ts';
export { Pidfd } from './pidfd.ts';
export { Process } from './process.ts';
export type { Signal } from './signals.ts';
export type { BindMount, HasFd, SpawnMounts, SpawnOptions, Stdio } from './spawn-request.ts';
export { type Orphan, type OrphanOptions, type ReapedOrphan, subreaper } from './subreaper.ts';
