import { isIP } from "node:net";

/** A DNS server. */
export interface DnsAddress {
  readonly address: string;
  readonly port: number;
}

/** What resolv.conf says. */
export interface ResolvConf {
  readonly servers: readonly DnsAddress[];
  /** Without the dots at their ends. */
  readonly search: readonly string[];
}

/**
 * Reads the text of a resolv.conf: `nameserver`, `search` and `domain`, of which the last one counts. Nameservers that are no
 * addresses are passed over, as the resolver of the C library does. https://man7.org/linux/man-pages/man5/resolv.conf.5.html
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: DnsAddress[] = [];
  let search: readonly string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    const [first = ""] = values;
    if (keyword === "nameserver" && isIP(first.split("%")[0] ?? "") !== 0) {
      servers.push({ address: first, port: 53 });
    } else if ((keyword === "search" || keyword === "domain") && first !== "") {
      const domains = keyword === "domain" ? [first] : values;
      search = domains.map((domain) => domain.replace(/\.$/, "")).filter((domain) => domain !== "");
    }
  }
  return { servers, search };
}
