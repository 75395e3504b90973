export { checkSystemConfig } from './check.ts';
export type {
  BindConfig,
  Duration,
  ExportConfig,
  ForwardConfig,
  IdMapConfig,
  LifecycleConfig,
  LimitsConfig,
  MonitoringConfig,
  NetworkConfig,
  RootConfig,
  RouteConfig,
  SecurityConfig,
  SystemConfig,
} from './config.ts';
export { systemConfigOf } from './config-of.ts';
export { LAST_ID } from './fields-security.ts';
export { type ConfigIssue, type ConfigPaint, SystemConfigError } from './issue.ts';
export { type ParseConfigOptions, parseSystemConfig, parseSystemConfigs } from './parse.ts';
export { systemConfigSchema } from './schema.ts';
export { isGenerated } from './settle.ts';
export type {
  BindSpec,
  ExportSpec,
  ForwardSpec,
  IdMap,
  LandlockSpec,
  LifecycleSpec,
  LogsSpec,
  MonitoringSpec,
  Namespace,
  NetworkSpec,
  RootSpec,
  RouteSpec,
  SecuritySpec,
  SystemSpec,
  UpperSpec,
  UserSpec,
  VethSpec,
} from './spec.ts';
