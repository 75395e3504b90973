/** `cofferdam cgroup tree`: the cgroups and who is in them. */
import type { CgroupNode } from '../../cgroup/index.ts';
import type { ShowOptions } from '../show/view.ts';

/** So many pids stand in a line, unless -d asks for all. */
const FEW = 8;

/** One line for each, indented by its depth. */
export function treeText(nodes: readonly CgroupNode[], { details }: Pick<ShowOptions, 'details'>): string {
  return nodes.map((node) => `${'  '.repeat(node.depth)}${lineOf(node, details)}\n`).join('');
}

function lineOf({ path, name, depth, populated, pids }: CgroupNode, details: boolean): string {
  const label = depth === 0 ? path : name;
  if (pids.length === 0) return populated ? label : `${label} (empty)`;
  const shown = details ? pids : pids.slice(0, FEW);
  const more = pids.length > shown.length ? ` and ${pids.length - shown.length} more` : '';
  return `${label} pid ${shown.join(' ')}${more}`;
}
