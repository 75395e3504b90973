// Whoever is killed, and whenever: nothing is left. A few kills of each kind here; bench/residue.mjs does hundreds.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { compiledUrl } from '../support/compiled.ts';

const bench = fileURLToPath(new URL('../../bench/residue.mjs', import.meta.url));

interface Result {
  readonly kills: number;
  readonly residue: number;
  readonly left: string;
  readonly orphans?: number;
  readonly reclaimed?: number;
  readonly bystander?: boolean;
}

it.each(['owner', 'supervisor', 'both', 'all'])(
  '%s killed',
  async (target) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[bench, '--kills', '8', '--only', target, '--json', '--dist', compiledUrl('index.js')],
    ]);
    const [result] = JSON.parse(stdout) as [Result];
    expect(result).toMatchObject({ kills: 8, residue: 0 });
    // The next starts remove exactly what is left of ours, and nothing of a bystander's.
    if (target === 'all') {
      expect(result).toMatchObject({ bystander: true, reclaimed: result.orphans });
      expect(result.orphans).toBeGreaterThan(0);
    } else expect(result.left).toBe('');
  },
  180_000,
);
