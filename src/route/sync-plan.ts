/** What has to be done so that a table holds what is wanted of one protocol, and nothing else of it. */
import type { Route, RouteInput } from './route-object.ts';
import { isSame, type NormalRoute, normalRoute, slotOf } from './sync-normal.ts';

/** One route that is wanted. */
export interface Wanted {
  readonly input: RouteInput;
  readonly normal: NormalRoute;
}

export interface Replacement {
  readonly from: Route;
  readonly to: RouteInput;
}

/** Somebody else's route is where one is wanted: it was left alone. */
export interface RouteConflict {
  readonly desired: RouteInput;
  /** Undefined where it came while the changes were made. */
  readonly existing?: Route;
}

export interface SyncPlan {
  readonly add: RouteInput[];
  /** More than one of ours in one place: gone before the last of them is replaced. */
  readonly trim: Route[];
  readonly replace: Replacement[];
  readonly delete: Route[];
  readonly unchanged: Route[];
  readonly conflicts: RouteConflict[];
}

/** Gathers what is there, then what is wanted, and tells the difference. */
export class SyncPlanner {
  readonly #protocol: string;
  /** By slot: ours, and those of others. */
  readonly #ours = new Map<string, Route[]>();
  readonly #others = new Map<string, Route>();
  readonly #plan: SyncPlan = { add: [], trim: [], replace: [], delete: [], unchanged: [], conflicts: [] };

  constructor(protocol: string) {
    this.#protocol = protocol;
  }

  there(route: Route): void {
    const slot = slotOf(route);
    if (route.protocol !== this.#protocol) {
      if (!this.#others.has(slot)) this.#others.set(slot, route);
      return;
    }
    const ours = this.#ours.get(slot);
    if (ours === undefined) this.#ours.set(slot, [route]);
    else ours.push(route);
  }

  /** What is in this place is neither changed nor deleted. */
  leave(slot: string): void {
    this.#ours.delete(slot);
  }

  /** At most once for each slot. */
  want({ input, normal }: Wanted): void {
    const plan = this.#plan;
    const ours = this.#ours.get(normal.slot) ?? [];
    this.#ours.delete(normal.slot);
    const same = ours.findIndex((route) => isSame(normal, normalRoute(route)));
    if (same >= 0) {
      plan.unchanged.push(...ours.splice(same, 1));
      plan.delete.push(...ours);
      return;
    }
    const existing = this.#others.get(normal.slot);
    // A replacement takes the place of whichever comes first, somebody else's too.
    if (existing !== undefined) {
      plan.conflicts.push({ desired: input, existing });
      return;
    }
    const from = ours.pop();
    if (from === undefined) {
      plan.add.push(input);
      return;
    }
    plan.trim.push(...ours);
    plan.replace.push({ from, to: input });
  }

  /** After all that is wanted. */
  plan(): SyncPlan {
    for (const routes of this.#ours.values()) this.#plan.delete.push(...routes);
    // Gateways are looked for among the routes that are there: what leads to a link comes first.
    const isDirect = ({ via, nexthops }: RouteInput) => via === undefined && nexthops === undefined;
    this.#plan.add.sort((a, b) => Number(isDirect(b)) - Number(isDirect(a)));
    return this.#plan;
  }
}
