/** Where a value stands: a chain from the value up, put into words only when there is something to say. */
export interface Path {
  readonly parent: Path | undefined;
  /** A field's proto name, a list's index, or a map's key in brackets. */
  readonly segment: string | number;
}

/** `virtual_hosts[0].routes[1].match`; empty for no path. */
export function formatPath(path: Path | undefined): string {
  let text = "";
  for (let at = path; at !== undefined; at = at.parent) {
    const segment = typeof at.segment === "number" ? `[${at.segment}]` : at.segment;
    text = text === "" || text.startsWith("[") ? segment + text : `${segment}.${text}`;
  }
  return text;
}
