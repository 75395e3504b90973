import { painter } from '../../repl/terminal.ts';
import type { JsonObject } from '../show/view.ts';

/**
 * One thing that was looked at. `limited`: part of what cofferdam does will not work, or not for this user.
 * `fails`: its main job will not.
 */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'limited' | 'fails';
  /** What was found, on one line. */
  readonly value: string;
  /** The same for machines. */
  readonly facts?: JsonObject;
  /** What will not work and why: a sentence each. Empty or missing when all is well. */
  readonly wontWork?: readonly string[];
  /** What to do about it: lines, with the exact commands. */
  readonly remedy?: readonly string[];
}

export interface Report {
  readonly title: string;
  readonly checks: readonly Check[];
}

export function reportJson(report: Report): JsonObject {
  return {
    title: report.title,
    healthy: isHealthy(report),
    checks: report.checks.map(({ name, status, value, facts, wontWork, remedy }) => ({
      name,
      status,
      value,
      ...(facts !== undefined && { facts }),
      ...(wontWork !== undefined && wontWork.length > 0 && { wont_work: [...wontWork] }),
      ...(remedy !== undefined && { remedy: [...remedy] }),
    })),
  };
}

export function isHealthy(report: Report): boolean {
  return report.checks.every(({ status }) => status !== 'fails');
}

export function reportText(report: Report, color: boolean): string {
  const paint = painter(color);
  const badge = {
    ok: paint.green('ok     '),
    limited: paint.yellow('limited'),
    fails: paint.red('fails  '),
  };
  const width = Math.max(...report.checks.map(({ name }) => name.length));
  const lines = [paint.bold(report.title), ''];
  for (const { name, status, value } of report.checks) {
    lines.push(`  ${badge[status]}  ${name.padEnd(width)}  ${value}`);
  }
  const wrong = report.checks.filter(({ wontWork }) => wontWork !== undefined && wontWork.length > 0);
  lines.push('');
  if (wrong.length === 0) lines.push(paint.green('Everything works here.'));
  else lines.push(paint.bold('What will not work, and why'));
  for (const { wontWork = [], remedy = [] } of wrong) {
    for (const sentence of wontWork) lines.push(`  - ${sentence}`);
    for (const line of remedy) lines.push(`      ${paint.dim(line)}`);
  }
  return `${lines.join('\n')}\n`;
}
