export type { FoundNetns, NetnsHolder, NetnsSurvey, Unseen } from './holder.ts';
export type { NetnsNameEvent } from './name-view.ts';
export type { NamedNetns } from './names.ts';
export { type CreateNetnsOptions, Netns, type NetnsExecOptions, type NetnsReference } from './netns.ts';
export { type ResolvedNetns, resolveNetns } from './reference.ts';
export {
  type BindAddress,
  NetnsSocket,
  type SocketFamily,
  type SocketOptions,
  type SocketType,
} from './socket.ts';
export type { NetnsNumbering, NetnsSurveyOptions } from './survey.ts';
export {
  type NetnsEvent,
  type NetnsIdEvent,
  type NetnsIdSource,
  NetnsWatch,
  type NetnsWatchOptions,
} from './watch.ts';
