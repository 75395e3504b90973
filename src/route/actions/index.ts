import { type Gact, gact } from './gact.ts';
import type { ActionKind } from './kind.ts';
import { type Mirred, mirred } from './mirred.ts';
import { type Police, police } from './police.ts';
import { type Skbedit, skbedit } from './skbedit.ts';
import { type VlanAction, vlan } from './vlan.ts';

export type { Gact } from './gact.ts';
export type { ActionCommon, ActionTimes } from './kind.ts';
export type { Mirred } from './mirred.ts';
export type { Police } from './police.ts';
export type { Skbedit } from './skbedit.ts';
export type { VlanAction } from './vlan.ts';

/** What an action has under the name of its kind: `{ kind: 'mirred', mirred: { direction: 'egress', ... } }`. */
export interface ActionData {
  mirred?: Mirred;
  gact?: Gact;
  police?: Police;
  vlan?: VlanAction;
  skbedit?: Skbedit;
}

/** By TCA_ACT_KIND, which is the field as well. A new kind is one file and one line here and above. */
export const ACTION_KINDS: Readonly<Record<keyof ActionData, ActionKind<never>>> = {
  mirred,
  gact,
  police,
  vlan,
  skbedit,
} as unknown as Readonly<Record<keyof ActionData, ActionKind<never>>>;

export function actionField(kind: string): keyof ActionData | undefined {
  return Object.hasOwn(ACTION_KINDS, kind) ? (kind as keyof ActionData) : undefined;
}
