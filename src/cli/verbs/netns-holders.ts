import { type FoundNetns, Netns, type NetnsHolder, type Unseen } from '../../netns/index.ts';
import { FindingError, Words } from '../args.ts';
import type { JsonObject, ShowContext, Shown } from '../show/view.ts';

/** `netns holders [ NAME | INODE ] [ sockets ]`: which `ip` has no word for. */
export async function showHolders(args: readonly string[], { rt }: ShowContext): Promise<Shown> {
  const words = new Words(args);
  let wanted: string | undefined;
  let sockets = false;
  while (words.more) {
    if (words.take('sockets')) sockets = true;
    else if (wanted === undefined) wanted = words.next();
    else throw new FindingError('extra arguments specified');
  }
  const { namespaces, unseen } = await Netns.survey({ sockets, numberedBy: rt });
  const chosen = namespaces.filter(
    ({ inode, names }) => wanted === undefined || names.includes(wanted) || String(inode) === wanted,
  );
  if (chosen.length === 0 && wanted !== undefined)
    throw new FindingError(`Cannot find network namespace "${wanted}"`);
  warn(unseen);
  return { json: chosen.map(toJson), text: chosen.map(toText).join('') };
}

/** Nothing of it is hidden by being left out. */
function warn({ processes, fdTables, mountTables, sockets }: Unseen): void {
  const parts = [
    [processes, 'processes'],
    [fdTables, 'fd tables'],
    [mountTables, 'mount tables'],
    [sockets, 'sockets'],
  ].flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  if (parts.length === 0) return;
  process.stderr.write(`cofferdam: not allowed to look at ${parts.join(', ')}: CAP_SYS_PTRACE is missing\n`);
}

function toJson({ inode, device, nsid, names, pids, holders }: FoundNetns): JsonObject {
  return {
    inode,
    device,
    ...(nsid !== undefined && { nsid }),
    names: [...names],
    pids: [...pids],
    holders: holders.map((holder) => ('fds' in holder ? { ...holder, fds: [...holder.fds] } : { ...holder })),
  };
}

function toText({ inode, nsid, names, holders }: FoundNetns): string {
  const id = nsid === undefined ? '' : ` id ${nsid}`;
  const called = names.length === 0 ? '' : ` name ${names.join(' ')}`;
  return `net:[${inode}]${id}${called}\n${holders.map((holder) => `    ${line(holder)}\n`).join('')}`;
}

function line(holder: NetnsHolder): string {
  switch (holder.type) {
    case 'process':
      return `process ${holder.pid} ${holder.comm}`;
    case 'thread':
      return `thread ${holder.tid} ${holder.comm} of process ${holder.pid}`;
    case 'fd':
      return `fd ${holder.fds.join(' ')} of process ${holder.pid} ${holder.comm}`;
    case 'socket':
      return `socket ${holder.fds.join(' ')} of process ${holder.pid} ${holder.comm}`;
    case 'mount':
      return `mount ${holder.path} in mnt:[${holder.mountNamespace}], seen by process ${holder.pid}`;
  }
}
