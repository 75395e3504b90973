import { release } from 'node:os';

/** Whether the running kernel is Linux `wanted`, `6.2`, or a later one. */
export function isLinux(wanted: string, running: string = release()): boolean {
  const [[major, minor], [wantedMajor, wantedMinor]] = [numbers(running), numbers(wanted)];
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbers(version: string): readonly [number, number] {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return [major, minor];
}
