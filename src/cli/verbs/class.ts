import type { Actions } from '../show/view.ts';
export const classActions: Actions = {};
