export { checkedLimits } from './apply.ts';
export {
  Cgroup,
  type CgroupNode,
  type CgroupReference,
  type CreateCgroupOptions,
} from './cgroup.ts';
export { type CgroupControllers, missingController } from './controllers.ts';
export type { RemovalState } from './core.ts';
export { CgroupBusyError, CgroupStuckError, MissingControllerError, type StuckProcess } from './errors.ts';
export type { CgroupEvent, PressureResource } from './event-levels.ts';
export type { CgroupEvents, CgroupEventsOptions } from './events.ts';
export { hierarchy } from './hierarchy.ts';
export { type CgroupIdentity, identityFields, NAME_PREFIX } from './identity.ts';
export type { IoLimits, IoMax } from './limit-io.ts';
export type { HugetlbLimits, MiscLimits, RdmaLimits } from './limit-keyed.ts';
export type { LimitWrite } from './limit-table.ts';
export type { CpuMax } from './limit-values.ts';
export type { CgroupLimits, CpuLimits, CpusetLimits, MemoryLimits, PidsLimits } from './limits.ts';
export { lives, removeOrphans } from './orphans.ts';
export {
  type PressureOptions,
  type PressureThreshold,
  PressureTrigger,
  type PressureWaitOptions,
} from './pressure.ts';
export type { RemoveOptions } from './removal.ts';
export type {
  CgroupStat,
  Counters,
  CpuStat,
  IoUsage,
  MemoryUsage,
  MiscUsage,
  PidsUsage,
  Pressure,
  PressureLine,
} from './stat.ts';
export { CgroupWalk } from './walk.ts';
