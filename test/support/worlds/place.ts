/** Where in a network namespace the lines of a world take place, so that two of them fit into one. */
export interface Place {
  /** Goes before the names of the links; not before `lo`. Two letters at most, or labels grow too long. */
  readonly prefix: string;
  /** Stands for the 10 of 10.0.0.0/8. */
  readonly inet: number;
  /** Stands for the 2001:db8 of 2001:db8::/32. */
  readonly inet6: string;
}

/** `lines` as they read in `place`; without one, as they are. */
export function placed(lines: readonly string[], place: Place | undefined): string[] {
  if (place === undefined) return [...lines];
  return lines.map((line) =>
    line
      .replace(/\b(?:veth|br|vx|tun|ifb|mac)\d\b/g, (name) => place.prefix + name)
      .replace(/(?<![\d.:])10\.(?=\d)/g, `${place.inet}.`)
      .replace(/\b2001:db8\b/g, place.inet6),
  );
}
