/** The names of the mesh's trust domain: the one it has, and those it had or shares. */
export interface TrustDomains {
  /**
   * Principals (`DOMAIN/ns/NS/sa/SA`) under every name of the mesh's trust domain. `cluster.local` stands for the mesh's own in policies,
   * whatever it is called; principals of other domains, or of any (`*`), stay as they are.
   */
  principals(values: readonly string[]): readonly string[];
  /** Trust domains, each name of the mesh's own as all of them. */
  expand(values: readonly string[]): readonly string[];
}

const localDomain = "cluster.local";

/** Whether a pattern (`*`, `abc*`, `*abc`, or the name itself) takes in a domain. */
function covers(pattern: string, domain: string): boolean {
  if (pattern === domain || pattern === "*") return true;
  if (pattern.endsWith("*") && domain.startsWith(pattern.slice(0, -1))) return true;
  return pattern.startsWith("*") && domain.endsWith(pattern.slice(1));
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** Creates {@link TrustDomains} of MeshConfig's `trustDomain` and `trustDomainAliases`. */
export function createTrustDomains(trustDomain: string, aliases: readonly string[]): TrustDomains {
  const domains = [trustDomain, ...aliases];
  const underAllNames = (principal: string): readonly string[] => {
    const [domain = "", ...identity] = principal.split("/");
    // Something else than DOMAIN/ns/NS/sa/SA has no domain that could have other names.
    if (identity.length !== 4 || domain === "*") return [principal];
    if (domain !== localDomain && !domains.some((name) => covers(domain, name))) return [principal];
    return unique(
      domains.map((name) =>
        domain.startsWith("*") && name.endsWith(domain.slice(1))
          ? principal // the pattern has that name in it
          : [name, ...identity].join("/"),
      ),
    );
  };
  return {
    principals: (values) => values.flatMap(underAllNames),
    expand: (values) => unique(values.flatMap((value) => (domains.includes(value) ? domains : [value]))),
  };
}
