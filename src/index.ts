/** Leak-tight Linux kernel handles. Each name is documented where it is defined. */
export type { Family, FamilyPolicy, PolicyAttribute } from './generic/controller.ts';
export type {
  EthtoolChannels,
  EthtoolCoalesce,
  EthtoolFeature,
  EthtoolLink,
  EthtoolLinkInput,
  EthtoolLinkSettings,
  EthtoolPause,
  EthtoolRings,
  EthtoolStats,
  EthtoolStatsGroup,
} from './generic/ethtool/service.ts';
export { type CommandDefinition, defineFamily, type FamilyDefinition } from './generic/message.ts';
export { type GenericNotification, GenericSocket, type GenericSocketOptions } from './generic/socket.ts';
export * as wire from './generic/tables.ts';
export {
  AbortError,
  ClosedError,
  CofferdamError,
  type HandleCounters,
  type HandleDiff,
  type HandleInfo,
  type HandleRegistry,
  type HandleSnapshot,
  type HandleState,
  handles,
  InvalidArgumentError,
  KernelHandle,
  type LeakReport,
  type OnLeak,
  ResourceLeakWarning,
  SystemError,
  TimeoutError,
} from './handle/index.ts';
export { DumpInterruptedError, NetlinkError, OverrunError } from './netlink/error.ts';
export {
  type ExtAck,
  NETLINK_GENERIC,
  NETLINK_ROUTE,
  NETLINK_SOCK_DIAG,
  type NetlinkMessage,
  type NetlinkRequest,
  NetlinkSocket,
  type NetlinkSocketOptions,
  type RequestOptions,
} from './netlink/socket.ts';
export type { RawAttribute } from './netlink/wire/attributes.ts';
export {
  type CreateNetnsOptions,
  type FoundNetns,
  type NamedNetns,
  Netns,
  type NetnsExecOptions,
  type NetnsHolder,
  type NetnsNumbering,
  type NetnsReference,
  NetnsSocket,
  type NetnsSurvey,
  type NetnsSurveyOptions,
  type SocketFamily,
  type SocketType,
  type Unseen,
} from './netns/index.ts';
export {
  type BindMount,
  DuplicatedFd,
  type HasFd,
  type Orphan,
  type OrphanOptions,
  Pidfd,
  Process,
  type ProcessExit,
  type ProcessIdentity,
  type ProcessUsage,
  type ReapedOrphan,
  type Signal,
  type SpawnMounts,
  type SpawnOptions,
  type Stdio,
  subreaper,
  type WaitOptions,
} from './process/index.ts';
export type { ActionReference, ActionTable } from './route/action.ts';
export type { Action } from './route/action-list.ts';
export type {
  ActionCommon,
  ActionTimes,
  Gact,
  Mirred,
  Police,
  Skbedit,
  VlanAction,
} from './route/actions/index.ts';
export type {
  Address,
  AddressFilter,
  AddressFlag,
  AddressInput,
  Lifetime,
} from './route/address.ts';
export type { AddressLabel, AddressLabelFilter } from './route/address-label.ts';
export {
  type BatchFailure,
  type BatchObject,
  type BatchOptions,
  type BatchResult,
  type BatchServices,
  BatchStoppedError,
  type BatchSuccess,
  type BatchVerb,
} from './route/batch.ts';
export type {
  BridgeCommand,
  BridgePortChange,
  BridgePortFilter,
  BridgePortLink,
  BridgePortMst,
  BridgePortTunnel,
  BridgePortVlan,
} from './route/bridge-port.ts';
export type {
  AnyBridgeVlan,
  BridgeVlan,
  BridgeVlanFilter,
  BridgeVlanFlag,
  BridgeVlanGlobal,
  BridgeVlanGlobalInput,
  BridgeVlanInput,
  BridgeVlanStats,
  VlanGlobalOptions,
} from './route/bridge-vlan.ts';
export type { TcChain, TcChainFilter, TcChainInput } from './route/chain.ts';
export type { TcClass, TcClassFilter, TcClassInput } from './route/class.ts';
export type { Encap } from './route/encap.ts';
export {
  type ExplainedAttribute,
  type ExplainedField,
  type ExplainedMessage,
  explainMessages,
} from './route/explain.ts';
export type { FdbEntry, FdbFilter, FdbFlag, FdbFlush, FdbInput, FdbState } from './route/fdb.ts';
export type { TcFilter, TcFilterFilter, TcFilterInput } from './route/filter.ts';
export type {
  Basic,
  BpfFilter,
  Flower,
  Fw,
  Matchall,
  U32,
  U32Hits,
  U32Key,
  U32Selector,
} from './route/filters/index.ts';
export type {
  Amt,
  Bareudp,
  Batadv,
  Bond,
  BondPort,
  Bridge,
  BridgePort,
  Can,
  Dsa,
  Geneve,
  Gre,
  Gtp,
  Hsr,
  Ip6Tunnel,
  Ipoib,
  IpTunnel,
  Ipvlan,
  KindData,
  Link,
  LinkFilter,
  LinkFlag,
  LinkInput,
  LinkSettings,
  LinkStats,
  LinkXstats,
  Macsec,
  Macvlan,
  Netkit,
  PeerInput,
  PortData,
  QosMapping,
  Rmnet,
  Tun,
  VirtualFunction,
  Vlan,
  Vrf,
  Vti,
  Vxlan,
  Wwan,
  Xfrm,
} from './route/link.ts';
export type {
  Mdb,
  MdbEntry,
  MdbFilter,
  MdbFilterMode,
  MdbFlag,
  MdbFlush,
  MdbInput,
  MdbRouterPort,
  MdbRouterType,
  MdbSource,
  MdbState,
} from './route/mdb.ts';
export type {
  Monitor,
  MonitorEvent,
  MonitorOptions,
  MonitorStats,
  ObjectEvent,
} from './route/monitor.ts';
export type { MonitorGroup } from './route/monitor-groups.ts';
export type {
  Neighbour,
  NeighbourFilter,
  NeighbourFlag,
  NeighbourInput,
  NeighbourState,
} from './route/neighbour.ts';
export type { Netconf, NetconfFamily, NetconfFilter } from './route/netconf.ts';
export type { NetnsId, NetnsIdFilter, NetnsIdTarget } from './route/netns-id.ts';
export type {
  Nexthop,
  NexthopBucket,
  NexthopBucketFilter,
  NexthopFilter,
  NexthopInput,
  NexthopStats,
} from './route/nexthop.ts';
export type { ObjectName } from './route/object.ts';
export type { Qdisc, QdiscFilter, QdiscInput } from './route/qdisc.ts';
export type {
  Cake,
  CakeStats,
  CakeTin,
  Cbs,
  Choke,
  ChokeStats,
  ClassData,
  Codel,
  CodelStats,
  DrrClass,
  DrrStats,
  Etf,
  Ets,
  EtsClass,
  Fifo,
  Fq,
  FqCodel,
  FqCodelStats,
  FqPie,
  FqPieStats,
  FqStats,
  Hfsc,
  HfscClass,
  HfscStats,
  Hhf,
  HhfStats,
  Htb,
  HtbClass,
  HtbStats,
  KindStats,
  Mqprio,
  Multiq,
  Netem,
  NetemLossGemodel,
  NetemLossState,
  NetemRate,
  NetemSlot,
  Pie,
  PieStats,
  Plug,
  Prio,
  QdiscData,
  QfqClass,
  QfqStats,
  Red,
  RedStats,
  ServiceCurve,
  Sfb,
  SfbStats,
  Sfq,
  SfqStats,
  Skbprio,
  Tbf,
} from './route/qdiscs/index.ts';
export type { Recording } from './route/recording.ts';
export { RecordingError } from './route/recording-file.ts';
export { type ReplayedEvent, replay } from './route/replay.ts';
export type {
  Realms,
  Route,
  RouteChunk,
  RouteFilter,
  RouteGetOptions,
  RouteInput,
  RouteMetrics,
  RouteNexthop,
  RouteTable,
} from './route/route.ts';
export { ROUTE_PRESENT } from './route/route.ts';
export type { NumberRange, Rule, RuleAction, RuleFilter, RuleFlag, RuleInput } from './route/rule.ts';
export { RouteSocket, type RouteSocketOptions } from './route/socket.ts';
export type {
  Replacement,
  RouteConflict,
  RouteSyncFailure,
  RouteSyncOptions,
  RouteSyncResult,
} from './route/sync.ts';
export type { Estimator, TcStats } from './route/tc-message.ts';
export type { LinkLayer, SizeTable } from './route/tc-rate.ts';
