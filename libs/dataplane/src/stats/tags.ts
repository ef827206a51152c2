/** One rule of the bootstrap's `stats_config.stats_tags`. */
export interface TagRule {
  readonly name: string;
  /** The first group is cut out of the name; the second, or else the first, is the tag's value. */
  readonly regex: RegExp;
}

/** A name with its tags taken out. */
export interface TaggedName {
  readonly name: string;
  readonly tags: readonly (readonly [name: string, value: string])[];
}

/**
 * Envoy's built-in rules, as far as this proxy has the metrics they read.
 * https://github.com/envoyproxy/envoy/blob/main/source/common/config/well_known_names.cc
 */
export const defaultTagRules: readonly TagRule[] = [
  { name: "envoy.response_code", regex: /_rq(_(\d{3}))$/ },
  { name: "envoy.response_code_class", regex: /_rq(_(\dxx))$/ },
  { name: "envoy.http_conn_manager_listener_prefix", regex: /^listener\..*?\.http\.(([^.]+)\.)/ },
  { name: "envoy.http_conn_manager_prefix", regex: /^http\.(([^.]+)\.)/ },
  { name: "envoy.listener_address", regex: /^listener\.(((?:[_.\d]*|[_[\]aAbBcCdDeEfF\d]*))\.)/ },
  { name: "envoy.tcp_prefix", regex: /^tcp\.(([^.]+)\.)/ },
  { name: "envoy.cluster_name", regex: /^cluster\.(([^.]+)\.)/ },
];

const posixClasses: Readonly<Record<string, string>> = {
  "[:digit:]": "\\d",
  "[:alpha:]": "a-zA-Z",
  "[:alnum:]": "a-zA-Z0-9",
  "[:space:]": "\\s",
};

/** A bootstrap's tag regex (ECMAScript with POSIX classes, as std::regex takes it); throws where it is none. */
export function parseTagRegex(text: string): RegExp {
  return new RegExp(text.replaceAll(/\[:[a-z]+:\]/g, (posix) => posixClasses[posix] ?? posix));
}

/** Takes the tags out of a stat's name: each rule at most once, in order, all matched against the whole name. */
export function extractTags(name: string, rules: readonly TagRule[]): TaggedName {
  const cuts: (readonly [start: number, end: number])[] = [];
  const tags = new Map<string, string>();
  for (const { name: tag, regex } of rules) {
    if (tags.has(tag)) continue;
    const match = regex.exec(name);
    const cut = match?.[1];
    if (match === null || cut === undefined || cut === "") continue;
    const start = match.index + match[0].indexOf(cut);
    if (cuts.some(([from, to]) => start < to && from < start + cut.length)) continue;
    cuts.push([start, start + cut.length]);
    tags.set(tag, match[2] ?? cut);
  }
  if (cuts.length === 0) return { name, tags: [] };
  let rest = "";
  let position = 0;
  for (const [start, end] of cuts.sort(([a], [b]) => a - b)) {
    rest += name.slice(position, start);
    position = end;
  }
  return { name: rest + name.slice(position), tags: [...tags] };
}
